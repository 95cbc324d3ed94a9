/** Numbers of the jobs in `kernels/jobs.ts`. */
export const JOBS = {
  visit: 1,
  productRound: 20,
  foldQuads: 21,
  contractPlanes: 40,
  dotPlanes: 41,
  dotInt8Rows: 42,
  dotInt16Rows: 43,
  contractInt8Rows: 44,
  contractWindows: 45,
  convolve: 50,
  convolveDepthwise: 51,
} as const;
