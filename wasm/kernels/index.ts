// Everything the module exports. One file per noun; see README.md.
export { runJob } from './jobs';
export { parallel, participate, quit } from './threads';
export {
  kMul,
  kDot,
  kDotIntegers,
  kDotBytes,
  kSum,
  kScale,
  kScaleIntegers,
  kAdd,
  kSubtractShifted,
  kUnshift,
  kPush,
  kSpread,
  kEq,
  kFormBytes,
  kFormIntegers,
  kOuter,
  kToQuads,
  kFromQuads,
} from './karray';
export {
  splitUnsigned,
  splitUnsignedBlocks,
  splitSignedBlocks,
  splitSignedPairs,
  contractPlanes,
  contractNarrow,
  dotPlanes,
  dotInt8Rows,
  dotInt16Rows,
  contractInt8Rows,
  contractWindows,
  placeTaps,
  contractDepthwise,
} from './contract';
export { clear, copy } from './memory';
export { mulBlocks } from './qm31';
export { operandRows, operandAxes, operandGather, fillBias, addMultiple, addWindowSum, requantizeChannel, maximum } from './forward';
export { eqWeights } from './eq';
export { addWords, splitWords } from './leaves';
export { pairMessage } from './pair';
export { contextKey, deriveKey } from './blake3';
export { addCoordinates, addScaledWords, doubleWords, splitCoordinates } from './circle';
