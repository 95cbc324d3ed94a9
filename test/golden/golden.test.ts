/** The vectors of a format version: circuits, digests and proofs stay what they are, to the byte, on any number of threads. */
import { afterAll, describe, expect, it, test } from 'vitest';
import { circuitDigest, encodeCircuit } from '../../circuits/graph/encoding.ts';
import { prepareProver, proveRegistration } from '../../wasm/prove.ts';
import { prepareReference, verifyChecked } from '../../wasm/reference/verify.ts';
import { prepareVerifier, verifyRegistration, verifyRegistrationReference } from '../../wasm/verify.ts';
import { loadKernels } from '../support/kernels.ts';
import { fileName, goldenSamples } from './circuits.ts';
import { goldenDigests, goldenPrimitives, readGolden } from './files.ts';
import { answers, fast, hasInverse, reference } from './primitives.ts';
import { seededElements, seededGenerator } from '../support/random.ts';

const kernels = await loadKernels();
const threaded = await loadKernels(2);
afterAll(() => Promise.all([kernels.end(), threaded.end()]));

test('both implementations of the primitives answer as in version 1', () => {
  expect(answers(reference)).toEqual(goldenPrimitives());
  expect(answers(fast(kernels))).toEqual(goldenPrimitives());
  expect(seededElements(seededGenerator(5), 20).every((x) => String(x) === '0,0,0,0' || hasInverse(x))).toBe(true);
});

test('the golden circuits are those that the tests make', () => {
  const golden = readGolden();
  const samples = goldenSamples();
  expect([...samples.map(fileName), 'digits']).toEqual(Object.keys(goldenDigests()));
  samples.forEach((sample, n) => {
    const { circuit, weights } = golden[n]!;
    expect(encodeCircuit(circuit)).toEqual(encodeCircuit(sample.circuit));
    expect(weights).toEqual(sample.weights);
  });
});

test('the golden digit is read as what it is', () => {
  const digit = readGolden().find(({ name }) => name === 'digits')!;
  const [logits] = digit.proof.outputs;
  expect(digit.circuit.meaning.outputs[0]!.labels[logits!.indexOf(Math.max(...logits!))]).toBe('7');
});

describe.each(readGolden().map((golden) => [golden.name, golden] as const))('version 1, %s', (_, golden) => {
  const { circuit, weights, proof: file, registration } = golden;
  const { inputs, outputs, context, proof } = file;
  const shown = circuit.weightRoot ? null : weights;

  it('has its digest', () => {
    expect(Buffer.from(circuitDigest(circuit)).toString('hex')).toBe(golden.digest);
    expect(Buffer.from(file.circuit).toString('hex')).toBe(golden.digest);
  });

  it.each([
    ['one thread', kernels],
    ['two threads', threaded],
  ])('has its proof on %s', (_threads, own) => {
    const prover = prepareProver(own, circuit, weights);
    const made = prover.prove(inputs, context);
    prover.dispose();
    expect(made.outputs).toEqual(outputs);
    expect(Buffer.from(made.proof).equals(proof)).toBe(true);
    if (registration) expect(Buffer.from(proveRegistration(own, circuit, weights).proof).equals(registration)).toBe(true);
  });

  it('is accepted by both verifiers', () => {
    const verifier = prepareVerifier(kernels, circuit, shown);
    const checked = prepareReference(circuit, shown);
    if (!verifier.ok || !checked.ok) expect.unreachable('the circuit is refused');
    expect(verifier.verify({ inputs, outputs, context }, proof)).toMatchObject({ ok: true });
    expect(verifyChecked(checked.value, { inputs, outputs, context }, proof)).toMatchObject({ ok: true });
    verifier.dispose();
    if (!registration) return;
    expect(verifyRegistration(kernels, circuit, registration)).toMatchObject({ ok: true });
    expect(verifyRegistrationReference(circuit, registration)).toMatchObject({ ok: true });
  });
});
