// Every job that may run on several threads: its number (also for TypeScript) and its call. See README.md, "A job".

import { contractInt8Rows, contractPlanes, contractWindows, dotInt16Rows, dotInt8Rows, dotPlanes } from './contract';
import { convolve, convolveDepthwise } from './forward';
import { grind } from './grind';
import { hashColumns, hashNodes } from './blake3';
import { encodeRows, transposeRows } from './circle';
import { combineQuads } from './combine';
import { fillLookups, leafFirstFold, leafFirstMessage, leafFold, leafParents, tailParents } from './leaves';
import { foldQuads, productRound } from './product';
import { absentLeaves, countWeights, fillPlanes, liftWords, squareRound, weightLeaves } from './registration';
import { treeFirstFold, treeFirstMessage, treeFold, treeParents } from './tree';
import { visit } from './visits';

/** Runs a job on items begin .. end - 1. An unknown number traps. */
export function runJob(job: u32, args: usize, part: u32, begin: u32, end: u32): void {
  switch (job) {
    case 1:
      visit(args, part, begin, end);
      break;
    case 10:
      treeParents(args, part, begin, end);
      break;
    case 11:
      treeFirstMessage(args, part, begin, end);
      break;
    case 12:
      treeFirstFold(args, part, begin, end);
      break;
    case 13:
      treeFold(args, part, begin, end);
      break;
    case 14:
      fillLookups(args, part, begin, end);
      break;
    case 15:
      leafParents(args, part, begin, end);
      break;
    case 16:
      tailParents(args, part, begin, end);
      break;
    case 17:
      leafFirstMessage(args, part, begin, end);
      break;
    case 18:
      leafFirstFold(args, part, begin, end);
      break;
    case 19:
      leafFold(args, part, begin, end);
      break;
    case 20:
      productRound(args, part, begin, end);
      break;
    case 21:
      foldQuads(args, part, begin, end);
      break;
    case 50:
      convolve(args, part, begin, end);
      break;
    case 51:
      convolveDepthwise(args, part, begin, end);
      break;
    case 60:
      hashColumns(args, part, begin, end);
      break;
    case 61:
      hashNodes(args, part, begin, end);
      break;
    case 62:
      grind(args, part, begin, end);
      break;
    case 63:
      encodeRows(args, part, begin, end);
      break;
    case 64:
      transposeRows(args, part, begin, end);
      break;
    case 65:
      combineQuads(args, part, begin, end);
      break;
    case 40:
      contractPlanes(args, part, begin, end);
      break;
    case 41:
      dotPlanes(args, part, begin, end);
      break;
    case 42:
      dotInt8Rows(args, part, begin, end);
      break;
    case 43:
      dotInt16Rows(args, part, begin, end);
      break;
    case 44:
      contractInt8Rows(args, part, begin, end);
      break;
    case 45:
      contractWindows(args, part, begin, end);
      break;
    case 70:
      weightLeaves(args, part, begin, end);
      break;
    case 71:
      absentLeaves(args, part, begin, end);
      break;
    case 72:
      countWeights(args, part, begin, end);
      break;
    case 73:
      liftWords(args, part, begin, end);
      break;
    case 74:
      fillPlanes(args, part, begin, end);
      break;
    case 75:
      squareRound(args, part, begin, end);
      break;
    default:
      unreachable();
  }
}
