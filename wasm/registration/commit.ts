/** Circuits with public weights become circuits with committed ones. Source: ../README.md, sections 4 and 10; proof-system design, section 10. */
import { checkCircuit, widenTables } from '../../circuits/bounds/index.ts';
import type { Circuit, Convolution, LinearLayer, Weights } from '../../circuits/graph/circuit.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { layoutOf } from '../statement/layout.ts';
import { commitWeights } from './weights.ts';

/** Per output channel, the sum of the squares of its weights. */
function sumsOfSquares(weights: Int8Array, channels: number): number[] {
  const fanIn = weights.length / channels;
  return Array.from({ length: channels }, (_, c) => weights.subarray(c * fanIn, (c + 1) * fanIn).reduce((sum, w) => sum + w * w, 0));
}

/**
 * The circuit that computes the same with weights that are committed instead of public: it names their root and their sums of squares. Tables are extended for the wider bounds that these give.
 *
 * Throws `CircuitRefusal` (layer, rule) where the circuit does not fit its weights, or where even extended tables break a rule: then quantize the model for committed weights, with larger output scales.
 *
 * @param weights by convolution, circuit order
 */
export function commitCircuit(kernels: Kernels, circuit: Circuit, weights: Weights): Circuit {
  checkCircuit(circuit, weights);
  let next = 0;
  const layers = circuit.layers.map((layer) => {
    if (layer.kind === 'maximum') return layer;
    const bind = (term: Convolution): Convolution => {
      const own = weights[next++]!;
      return { ...term, weights: { kind: 'committed', squares: sumsOfSquares(own, layer.shape[0]) } };
    };
    const terms = layer.terms.map((term) => (term.kind === 'convolution' ? bind(term) : term));
    return { ...layer, terms } satisfies LinearLayer;
  });
  const unrooted = widenTables({ ...circuit, layers, weightRoot: new Uint8Array(32) }, null);
  checkCircuit(unrooted, null);
  const mark = kernels.arena.mark();
  try {
    return { ...unrooted, weightRoot: commitWeights(kernels, layoutOf(unrooted), weights).root };
  } finally {
    kernels.arena.release(mark);
  }
}
