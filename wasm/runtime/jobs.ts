/** Numbers of the jobs in `kernels/jobs.ts`. */
export const JOBS = {
  contractPlanes: 40,
  dotPlanes: 41,
  dotInt8Rows: 42,
  dotInt16Rows: 43,
  contractInt8Rows: 44,
  contractWindows: 45,
} as const;
