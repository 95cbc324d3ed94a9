/** A circuit (or its encoding) is refused: which layer, which rule, and why. */
export class CircuitRefusal extends Error {
  /** Name of the layer, or '' where the whole circuit is meant. */
  readonly layer: string;
  /** 'encoding', 'shape', 'view', 'order', 'weights', 'table', 'output', 'limit', 'slice', 'rule (i)', 'rule (ii)' or 'rule (iii)'. */
  readonly rule: string;

  constructor(layer: string, rule: string, detail: string) {
    super(`${layer ? `layer ${layer}: ` : ''}${rule}: ${detail}`);
    this.name = 'CircuitRefusal';
    this.layer = layer;
    this.rule = rule;
  }
}
