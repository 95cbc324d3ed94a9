/** The list of checks: one line each, with its own time, as the verifier makes them. */
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Bundle } from '../../../server/wire/bundle.ts';
import { addressOf } from '../../../server/wire/keys.ts';
import type { Check } from '../../client/client.ts';
import { CheckLine } from '../../design/check-line.tsx';
import { elided } from '../../design/digest.tsx';
import { exactly } from '../../design/quantity.tsx';
import { decodedBundle, type Run } from './session.ts';

type Name = Check['name'];

/** What a check says, before it was made and when it holds, and when it does not. */
const SENTENCES: Readonly<Record<Name, (slice: string, run: Run | null) => readonly [holds: string, fails: string]>> = {
  digest: (_, run) => [
    run !== null && run.model === null ? 'The model has the digest that the bundle names' : 'The digest is the model’s',
    'The digest is not the model’s',
  ],
  input: (_, run) => [run !== null && run.inputs === null ? 'The input is the bundle’s' : 'The input is yours', 'The input is not yours'],
  cover: () => ['Every layer is covered, once', 'Not every layer is covered'],
  slice: (slice) => [`${slice}: the proof holds`, `${slice}: the proof does not hold`],
  chain: () => ['The slices meet: what leaves one enters the next', 'The slices do not meet'],
  miner: (slice) => [`${slice}: signed by its miner`, `${slice}: not signed by the miner that it names`],
  coordinator: () => ['The coordinator signed its verdicts', 'The coordinator did not sign its verdicts'],
};

/** Who proved it is apart from whether the answer is right. */
const ATTRIBUTION: readonly Name[] = ['miner', 'coordinator'];

interface Line {
  readonly name: Name;
  readonly slice: number | null;
  readonly check: Check | null;
}

/** The lines of a run: what was checked, then what is still to come. */
function linesOf(run: Run | null, slices: number): Line[] {
  const done = (run?.checks ?? []).map((check) => ({ name: check.name, slice: check.slice, check }));
  if (run?.verdict?.proven) return done;
  const count = run?.plan?.slices.length ?? (run === null ? slices : run.jobs.length || 1);
  const each = (name: Name): Line[] => Array.from({ length: count }, (_, slice) => ({ name, slice, check: null }));
  const one = (name: Name): Line => ({ name, slice: null, check: null });
  const expected = [one('digest'), one('input'), one('cover'), ...each('slice'), one('chain'), ...each('miner'), one('coordinator')];
  // A chain that breaks names the slice behind the break.
  return expected.map((line) => done.find(({ name, slice }) => name === line.name && (slice === line.slice || name === 'chain')) ?? line);
}

export function Checks({ run, slices }: { readonly run: Run | null; readonly slices: number }) {
  const lines = linesOf(run, slices);
  const bundle = run?.verdict ? decodedBundle(run) : null;
  const list = (own: readonly Line[]) => (
    <ul class="checks">
      {own.map((line) => (
        <CheckRow key={`${line.name} ${line.slice}`} line={line} run={run} bundle={bundle} />
      ))}
    </ul>
  );
  return (
    <>
      <div>
        <h3>What this tab checks</h3>
        {list(lines.filter(({ name }) => !ATTRIBUTION.includes(name)))}
      </div>
      <div>
        <h3>Who proved it</h3>
        {list(lines.filter(({ name }) => ATTRIBUTION.includes(name)))}
      </div>
    </>
  );
}

function CheckRow({
  line: { name, slice, check },
  run,
  bundle,
}: {
  readonly line: Line;
  readonly run: Run | null;
  readonly bundle: Bundle | null;
}) {
  const [holds, fails] = SENTENCES[name](slice === null ? '' : `Slice ${slice + 1}`, run);
  const miner = name === 'miner' && slice !== null ? bundle?.slices[slice]?.certificate.hotkey : undefined;
  const sentence = miner ? `Slice ${slice! + 1}: signed by ${elided(addressOf(miner))}` : holds;
  if (check === null) return <CheckLine state="idle" sentence={holds} ms={null} raw={null} />;
  const raw = (
    <>
      <p>{check.detail}</p>
      {bundle && rawValues(check, bundle).map((value) => <p key={value}>{value}</p>)}
      <p>{exactly(check.ms, 'ms')}, this tab’s clock</p>
    </>
  );
  return <CheckLine state={check.ok ? 'verified' : 'refused'} sentence={check.ok ? sentence : fails} ms={check.ms} raw={raw} />;
}

/** The values that a check was about. */
function rawValues({ name, slice }: Check, bundle: Bundle): string[] {
  const own = slice === null ? undefined : bundle.slices[slice];
  switch (name) {
    case 'digest':
      return [`model ${bytesToHex(bundle.model)}`];
    case 'input':
      return bundle.inputs.map((bytes, n) => `input ${n}: ${bytes.length.toLocaleString('en')} bytes`);
    case 'cover':
      return [bundle.cuts.length === 0 ? 'not cut' : `cut behind the tensors ${bundle.cuts.join(', ')}`];
    case 'slice':
      return own ? [`proof of ${own.proof.length.toLocaleString('en')} bytes, beginning ${bytesToHex(own.proof.subarray(0, 16))}`] : [];
    case 'chain':
      return bundle.slices.flatMap(({ crossing }, k) =>
        crossing ? [`between slices ${k + 1} and ${k + 2}: ${crossing.length.toLocaleString('en')} bytes`] : [],
      );
    case 'miner':
      return own
        ? [`hotkey ${addressOf(own.certificate.hotkey)}`, `job ${own.job}`, `service time ${own.serviceMs} ms, the coordinator’s clock`]
        : [];
    case 'coordinator':
      return [
        `${bundle.coordinator.origin}, hotkey ${addressOf(bundle.coordinator.hotkey)}`,
        `request ${bundle.request}`,
        `made ${new Date(bundle.created).toISOString()}, the coordinator’s clock`,
      ];
  }
}
