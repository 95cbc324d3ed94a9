/** `veritab mine --coordinator URL`: lends this machine's processors to a coordinator until it is told to stop. */
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WebSocket } from 'ws';
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { systemClock, systemRandom } from '../../../web/client/clock.ts';
import { seedIdentity } from '../../../web/miner/identity.ts';
import { KeyFileError, readKeyFile, writeKeyFile } from '../../../web/miner/key-file.ts';
import { createMiner, type Miner } from '../../../web/miner/miner.ts';
import { openSocketWith } from '../../../web/miner/platform.ts';
import type { MinerState } from '../../../web/miner/state.ts';
import { keyOf } from '../../wire/keys.ts';
import { command, THREADS_ARG, threadsOf, type Result } from '../command.ts';
import { COORDINATOR_ARG, coordinatorOrigin } from '../coordinator-calls.ts';
import { DATA_ARG, edgeStorage } from '../edge.ts';
import { EXIT, Failure } from '../failure.ts';
import { readWhole } from '../files.ts';
import { interruption } from '../interruption.ts';
import { bytesText, count, time } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** How often figures are logged where nobody watches, ms. */
const LOG_EVERY = 60_000;

export const mine = command({
  meta: { name: 'mine', description: 'Prove slices of models for a coordinator, until stopped' },
  args: {
    coordinator: COORDINATOR_ARG,
    key: {
      type: 'string',
      valueHint: 'file',
      description: 'Hotkey: a Bittensor hotkey file without a password, or a seed; by default one is made in the data folder',
    },
    payee: { type: 'string', valueHint: 'address', description: 'Whom proofs are paid to; by default the hotkey' },
    threads: THREADS_ARG,
    data: DATA_ARG,
  },
  async run(args, terminal): Promise<Result> {
    const coordinator = coordinatorOrigin(args.coordinator);
    const threads = threadsOf(args.threads) ?? nodePlatform.parallelism;
    const payee = args.payee === undefined ? null : keyOf(args.payee);
    if (args.payee !== undefined && payee === null)
      throw new Failure('usage', 'usage', '--payee is no address', { expected: 'an SS58 address with prefix 42', got: args.payee });
    const seed = await hotkeySeed(args.key ?? null, join(args.data, 'miner-hotkey.json'));
    const asked = interruption(() => process.exit(EXIT.interrupted));
    const miner = createMiner(
      {
        openSocket: openSocketWith((url, protocol) => new WebSocket(url, protocol, { perMessageDeflate: false })),
        fetch,
        prover: nodePlatform,
        storage: edgeStorage(args.data),
        clock: systemClock,
        random: systemRandom,
      },
      { coordinator, identity: seedIdentity(seed), agent: `veritab/${version()} (node ${process.versions.node})`, threads, payee },
    );
    const stopReport = report(miner, terminal, coordinator);
    const gaveUp = new Promise<MinerState>((resolve) => {
      miner.state.subscribe((state) => {
        if (state.connection.kind === 'stopped') resolve(state);
      });
    });
    miner.start();
    const signal = await Promise.race([asked, gaveUp.then(() => null)]);
    await miner.stop();
    stopReport();
    const { connection, totals, address } = miner.state.value;
    if (signal === null)
      throw new Failure(
        'network',
        'mining-ended',
        connection.kind === 'stopped' && connection.reason ? connection.reason : 'the miner ended',
        {
          expected: `a coordinator at ${coordinator} that takes this miner`,
        },
      );
    return {
      text: `ended by ${signal}: ${totalsText(totals)}`,
      json: { ended: signal, hotkey: address, coordinator, totals },
    };
  },
});

/** The seed in the file that is named, or in `own`, which is made where it is missing. */
async function hotkeySeed(named: string | null, own: string): Promise<Uint8Array> {
  const path = named ?? own;
  if (named === null && !existsSync(own)) return newSeed(own);
  const bytes = await readWhole(path, 'the hotkey');
  try {
    const seed = readKeyFile(new TextDecoder().decode(bytes));
    if (named === null && process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      throw new Failure('input', 'key-file', `others may read the key in ${path}`, { expected: 'mode 600', hint: `chmod 600 ${path}` });
    return seed;
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    const { message, expected, got } = error;
    throw new Failure('input', 'key-file', `${path}: ${message}`, { expected, got, cause: error });
  }
}

async function newSeed(path: string): Promise<Uint8Array> {
  const seed = new Uint8Array(randomBytes(32));
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(writeKeyFile(seed));
    await file.sync();
  } finally {
    await file.close();
  }
  return seed;
}

function totalsText({ proofs, proofBytes, accepted, refused, declined }: MinerState['totals']): string {
  const parts = [`${count(proofs)} ${proofs === 1 ? 'proof' : 'proofs'} (${bytesText(proofBytes)})`, `${count(accepted)} accepted`];
  if (refused > 0) parts.push(`${count(refused)} refused`);
  if (declined > 0) parts.push(`${count(declined)} declined`);
  return parts.join(', ');
}

function statusText({ connection, work, queued, totals, times }: MinerState): string {
  const last = times.at(-1);
  const figures = `${totalsText(totals)}${last ? `, the last in ${time(last.milliseconds)}` : ''}`;
  if (work !== null)
    return `proving slice ${work.slice + 1} of ${work.slices} for a ${work.kind}, ${work.phase}; ${queued} waiting; ${figures}`;
  return `${connectionText(connection)}; ${figures}`;
}

function connectionText(connection: MinerState['connection']): string {
  switch (connection.kind) {
    case 'connected':
      return 'waiting for work';
    case 'waiting':
      return `${connection.reason}; trying again at ${new Date(connection.until).toISOString().slice(11, 19)} UTC`;
    case 'stopped':
      return 'stopped';
    case 'signing':
    case 'connecting':
      return 'connecting';
  }
}

/** Says what happens: a live line where somebody watches, else a line for what is new. Returns how to end it. */
function report({ state }: Miner, terminal: Terminal, coordinator: string): () => void {
  const live = terminal.line();
  terminal.note(`mining as ${state.value.address} on ${state.value.threads} threads for ${coordinator}`);
  if (live) {
    const unsubscribe = state.subscribe((now) => live.show(statusText(now)));
    return () => {
      unsubscribe();
      live.end();
    };
  }
  let before = state.value;
  let logged = '';
  const unsubscribe = state.subscribe((now) => {
    const { connection, verdicts, trouble } = now;
    if (connection.kind !== before.connection.kind) {
      if (connection.kind === 'connected') terminal.note(`connected to ${connection.origin} ${connection.coordinator}`);
      if (connection.kind === 'waiting') terminal.note(connectionText(connection));
    }
    const verdict = verdicts.at(-1);
    if (verdicts !== before.verdicts && verdict && !verdict.ok)
      terminal.note(`refused: ${verdict.check}: ${verdict.detail} (job ${verdict.job})`);
    if (trouble !== before.trouble && trouble) terminal.note(`declined: ${trouble.reason}: ${trouble.detail}`);
    before = now;
  });
  const timer = setInterval(() => {
    const text = totalsText(state.value.totals);
    if (text !== logged) terminal.note(text);
    logged = text;
  }, LOG_EVERY);
  return () => {
    unsubscribe();
    clearInterval(timer);
  };
}
