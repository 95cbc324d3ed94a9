/** Why a command fails, as people, programs and shells see it: a message, a code, and the exit code of the process. */
import { FileRefusal } from '../../circuits/graph/file.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { ModelError } from '../../circuits/onnx/float-graph.ts';
import { CalibrationError } from '../../circuits/quantize/calibration.ts';
import { InferenceFailure } from '../../wasm/inference/failure.ts';
import { MemoryRefusal, OutOfMemory } from '../../wasm/runtime/arena.ts';

/** Exit codes. A fault of the program itself is none of the refusals: who reads 1 may rely on it that something was looked at and refused. 70 is EX_SOFTWARE of sysexits.h. */
export const EXIT = { done: 0, refused: 1, usage: 2, input: 3, network: 4, bug: 70, interrupted: 130 } as const;

/** What each exit code says. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done: the proof holds, the circuit was reproduced',
  refused: 'refused: the proof does not hold, the circuit breaks a rule, the memory does not suffice',
  usage: 'the command line is wrong',
  input: 'bad input: a file is missing, damaged, or not what it should be',
  network: 'the network cannot be reached',
  bug: 'a fault of the program itself',
  interrupted: 'interrupted',
};

export type FailureKind = Exclude<keyof typeof EXIT, 'done'>;

interface FailureDetails {
  /** What was expected, what came, what could be done; '' where there is nothing to say. */
  readonly expected?: string;
  readonly got?: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

export class Failure extends Error {
  readonly kind: FailureKind;
  /** For programs: `not-verified`, `input-shape`, `file-format`. */
  readonly code: string;
  readonly expected: string;
  readonly got: string;
  readonly hint: string;

  constructor(kind: FailureKind, code: string, message: string, { expected = '', got = '', hint = '', cause }: FailureDetails = {}) {
    super(message, { cause });
    this.name = 'Failure';
    this.kind = kind;
    this.code = code;
    this.expected = expected;
    this.got = got;
    this.hint = hint;
  }
}

/** Rules of a circuit that say that its bytes are no circuit at all. */
const ENCODING_RULES: readonly string[] = ['encoding', 'order', 'view'];

/** Whatever was thrown, as a failure. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  if (!(thrown instanceof Error)) return new Failure('bug', 'internal', String(thrown));
  const { message } = thrown;
  if (thrown instanceof FileRefusal) {
    const { expected, got } = thrown;
    return new Failure('input', 'file-format', message, { expected, got, cause: thrown });
  }
  if (thrown instanceof CircuitRefusal) {
    if (ENCODING_RULES.includes(thrown.rule)) return new Failure('input', 'circuit-encoding', message, { cause: thrown });
    return new Failure('refused', thrown.rule === 'weights' ? 'weights' : 'circuit-rule', message, { cause: thrown });
  }
  if (thrown instanceof ModelError) return new Failure('input', 'model', message, { hint: thrown.hint, cause: thrown });
  if (thrown instanceof CalibrationError) return new Failure('input', 'calibration', message, { cause: thrown });
  if (thrown instanceof InferenceFailure) return new Failure('input', 'model', message, { cause: thrown });
  if (thrown instanceof OutOfMemory || thrown instanceof MemoryRefusal)
    return new Failure('refused', 'out-of-memory', message, { cause: thrown });
  // Files of users are read and written through files.ts: what else the system refuses is ours.
  if ('syscall' in thrown)
    return new Failure('bug', 'internal', message, { hint: 'is the installation complete? npm run build', cause: thrown });
  return new Failure('bug', 'internal', message, { cause: thrown });
}

/** The object that `--json` prints. */
export function failureJson({ code, message, expected, got, hint }: Failure): { error: Record<string, string | null> } {
  return { error: { code, message, expected: expected || null, got: got || null, hint: hint || null } };
}

/** Lines for people. What the message does not say already follows it. */
export function failureText(failure: Failure): string {
  const { message, expected, got, hint, kind, cause } = failure;
  const lines = [`error: ${message}`];
  if (expected && !message.includes(expected)) lines.push(`  expected: ${expected}`);
  if (got && !message.includes(got)) lines.push(`  got:      ${got}`);
  if (hint && !message.includes(hint)) lines.push(`  hint:     ${hint}`);
  if (kind === 'bug') lines.push('this is a fault of the program itself:', (cause instanceof Error ? cause.stack : undefined) ?? '');
  return lines.join('\n');
}
