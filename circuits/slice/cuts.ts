/** Where a circuit can be cut, and where it is cut best. */
import { layerCost, sharedCost } from '../cost/cost.ts';
import { TableRowCount } from '../cost/table-rows.ts';
import { shapeOf, size, type Circuit, type Layer } from '../graph/circuit.ts';
import { CircuitRefusal } from '../graph/refusal.ts';

/** Outputs of a circuit, and so of a slice. */
export const MAX_OUTPUTS = 8;

function tensorsRead(layer: Layer): number[] {
  const views = layer.kind === 'maximum' ? [layer.a, layer.b] : layer.terms.map((term) => term.operand);
  return views.flatMap((view) => view.parts.map((part) => part.tensor));
}

/**
 * Numbers of the tensors at which a circuit can be cut, ascending: uint8, made by a layer, and of all tensors up to it the only one that later layers
 * read. Lookups follow, since a circuit without any is not proven.
 */
export function cutTensors(circuit: Circuit): number[] {
  const first = circuit.inputs.length;
  const found: number[] = [];
  let lookups = false;
  /** Tensors made up to here that later layers read. */
  const readLater = new Set<number>();
  for (let index = circuit.layers.length - 1; index >= 0; index--) {
    const layer = circuit.layers[index]!;
    const tensor = first + index;
    if (lookups && layer.kind !== 'accumulate' && readLater.size === 1 && readLater.has(tensor)) found.push(tensor);
    readLater.delete(tensor);
    for (const read of tensorsRead(layer)) readLater.add(read);
    lookups ||= layer.kind !== 'accumulate';
  }
  return found.reverse();
}

/** The whole circuit's outputs that the layers `from` up to `to` make, in their order, then the crossing tensor, if it is none of them. */
export function outputsWithin(circuit: Circuit, from: number, to: number, crossing: number | null): number[] {
  const first = circuit.inputs.length;
  const own = circuit.outputs.filter((tensor) => tensor >= first + from && tensor < first + to);
  return crossing === null || own.includes(crossing) ? own : [...own, crossing];
}

/** A slice from one border to a later one: its cost (infinite where it is no circuit), and the size of the tensor that crosses at its end. */
type Visit = (end: number, cost: number, boundary: number) => void;

/** Where slices begin and end: numbers of layers. */
interface Borders {
  readonly count: number;
  /** Calls `visit` for every slice that begins at a border, shortest first. */
  from(border: number, visit: Visit): void;
}

function bordersOf(circuit: Circuit): Borders {
  const first = circuit.inputs.length;
  const cuts = cutTensors(circuit);
  const ends = [0, ...cuts.map((tensor) => tensor - first + 1), circuit.layers.length];
  const outputs = new Set(circuit.outputs);
  return {
    count: ends.length,
    from(border, visit) {
      const rows = new TableRowCount(circuit.tables);
      let layers = 0;
      let made = 0;
      for (let end = border + 1; end < ends.length; end++) {
        for (let index = ends[end - 1]!; index < ends[end]!; index++) {
          const layer = circuit.layers[index]!;
          rows.add(layer);
          layers += layerCost(layer, outputs.has(first + index)).picoseconds;
          if (outputs.has(first + index)) made += 1;
        }
        const { tables, fixed } = sharedCost(rows.rows);
        const crossing = cuts[end - 1];
        if (crossing === undefined) {
          visit(end, layers + tables + fixed, 0);
          continue;
        }
        // The crossing tensor is an output of the slice: public, not committed.
        const maker = circuit.layers[crossing - first]!;
        const saved = outputs.has(crossing) ? 0 : layerCost(maker, false).picoseconds - layerCost(maker, true).picoseconds;
        const tooMany = made + (outputs.has(crossing) ? 0 : 1) > MAX_OUTPUTS;
        visit(end, tooMany ? Infinity : layers - saved + tables + fixed, size(shapeOf(circuit, crossing)));
      }
    },
  };
}

/** Per number of slices and border: the best way to cut what lies before it. `previous`: the border before. */
interface Table {
  readonly value: Float64Array;
  readonly previous: Int32Array;
}

/** Dynamic programming over borders: the least `join(value before, cost, boundary)` of `count` slices, earliest borders first. */
function best(borders: Borders, count: number, join: (before: number, cost: number, boundary: number) => number): Table[] {
  const tables = Array.from({ length: count + 1 }, (): Table => ({
    value: new Float64Array(borders.count).fill(Infinity),
    previous: new Int32Array(borders.count).fill(-1),
  }));
  tables[0]!.value[0] = 0;
  for (let border = 0; border < borders.count - 1; border++) {
    borders.from(border, (end, cost, boundary) => {
      for (let slices = 1; slices <= count; slices++) {
        const value = join(tables[slices - 1]!.value[border]!, cost, boundary);
        const table = tables[slices]!;
        if (value >= table.value[end]!) continue;
        table.value[end] = value;
        table.previous[end] = border;
      }
    });
  }
  return tables;
}

/**
 * The cuts that make `count` slices whose largest cost is as small as can be; among those, with the fewest values crossing in all; ties go to the earlier last cut.
 * Throws `CircuitRefusal` where the circuit cannot be cut into so many slices, `RangeError` where `count` is not a positive integer.
 */
export function chooseCuts(circuit: Circuit, count: number): number[] {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`a circuit is cut into 1 slice or more, not ${count}`);
  const borders = bordersOf(circuit);
  const last = borders.count - 1;
  const largest = count <= last ? best(borders, count, (before, cost) => Math.max(before, cost))[count]!.value[last]! : Infinity;
  if (largest === Infinity)
    throw new CircuitRefusal(
      '',
      'slice',
      `the circuit cannot be cut into ${count} slices: it has ${cutTensors(circuit).length} tensors to cut at`,
    );
  const tables = best(borders, count, (before, cost, boundary) => (cost <= largest ? before + boundary : Infinity));
  const cuts = cutTensors(circuit);
  const chosen: number[] = [];
  let border = last;
  for (let slices = count; slices > 1; slices--) {
    border = tables[slices]!.previous[border]!;
    chosen.push(cuts[border - 1]!);
  }
  return chosen.reverse();
}
