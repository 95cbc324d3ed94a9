/** The words of the field, in one line each. */
export const TERMS = {
  slice: 'A run of consecutive layers of the model, proven by itself. All slices together are the whole model.',
  digest: 'A fingerprint of the model: change one weight and it is another digest.',
  witness: 'All intermediate values of a run. The proof shows that they exist and fit together.',
  proof: 'A few kilobytes that could not have been made without running this slice on this input.',
  bundle: 'One file with the input, the answer and every proof: all that a stranger needs to check the answer.',
  hedge: 'A second miner gets a slice that takes long; whichever proof comes first counts.',
  retry: 'The slice was given to another miner after an attempt failed.',
  miner: 'A tab or a worker that lends its processor: it runs and proves slices.',
  coordinator: 'The server that hands slices to miners and answers. Nothing on this page takes its word.',
  hotkey: 'The public key by which a miner is known.',
  circuit: 'The model in integers: the exact computation that is proven.',
  cut: 'Where the model is divided: one tensor crosses from a slice to the next.',
  benchmark: 'A random input that the coordinator asks for when no client does, to measure miners.',
  work: 'Estimated proving time on one reference core.',
} as const;
