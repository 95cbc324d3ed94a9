/**
 * Flat index maps: entry i says which flat position is read at position i, -1 where none is. `null` stands for the identity, which is what
 * reshapes are.
 */

export type IndexMap = Int32Array | null;

/** `inner[outer[i]]`: reads through `outer`, then through `inner`. */
export function compose(outer: IndexMap, inner: IndexMap): IndexMap {
  if (!outer) return inner;
  if (!inner) return outer;
  return outer.map((i) => (i < 0 ? -1 : inner[i]!));
}

/** The inverse of a map that reads every one of its `map.length` positions once, or null where it is no such map. */
export function inverse(map: Int32Array): Int32Array | null {
  const result = new Int32Array(map.length).fill(-1);
  for (let i = 0; i < map.length; i++) {
    const source = map[i]!;
    if (source < 0 || source >= map.length || result[source] !== -1) return null;
    result[source] = i;
  }
  return result;
}

/** The map without knowledge of its form, `n` entries long. */
export function entries(map: IndexMap, n: number): Int32Array {
  return map ?? Int32Array.from({ length: n }, (_, i) => i);
}

/** null where the map is the identity onto a tensor of `tensorSize` elements. */
export function simplified(map: Int32Array, tensorSize: number): IndexMap {
  return map.length === tensorSize && map.every((source, i) => source === i) ? null : map;
}

/** Do the two read the same? */
export function sameMap(a: IndexMap, b: IndexMap): boolean {
  return a === b || (a !== null && b !== null && a.length === b.length && a.every((source, i) => source === b[i]));
}
