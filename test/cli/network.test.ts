import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBundle } from '../../server/wire/bundle.ts';
import { keyOf } from '../../server/wire/keys.ts';
import { readKeyFile } from '../../web/miner/key-file.ts';
import { ended, failing, runCli, runJson, spawnCli, temporaryFolder, type Ended } from '../support/cli.ts';
import { startTestCoordinator, type TestCoordinator } from '../support/coordinator/coordinator.ts';
import { kernelModule } from '../support/kernels.ts';
import { chainOfThree } from '../support/mining.ts';

const sample = chainOfThree();
const folder = temporaryFolder();
let coordinator: TestCoordinator;
let miner: ReturnType<typeof spawnCli>;
let minerEnded: Promise<Ended>;
let at: readonly string[];

beforeAll(async () => {
  await kernelModule();
  coordinator = await startTestCoordinator([{ ...sample, plans: [[], [1, 2]] }]);
  writeFileSync(folder.file('input.raw'), sample.inputs[0]!);
  at = ['--coordinator', coordinator.url, '--data', folder.file('data')];
  const welcomed = coordinator.nextMiner();
  miner = spawnCli(['mine', ...at, '--threads', '1']);
  minerEnded = ended(miner);
  await welcomed;
});
afterAll(async () => {
  miner.kill('SIGKILL');
  await coordinator.close();
  folder.remove();
});

describe('veritab', () => {
  it('infer answers, verifies here, and writes a bundle that needs no network', async () => {
    const bundle = folder.file('answer.bundle');
    const { code, stdout } = await runCli(
      'infer',
      'chain',
      '--input',
      folder.file('input.raw'),
      '--slices',
      '3',
      '--bundle',
      bundle,
      ...at,
    );
    expect(code).toBe(0);
    expect(stdout).toContain('by 3 proofs, verified here');
    expect(stdout).toContain(`judged by ${coordinator.address}`);
    expect(decodeBundle(readFileSync(bundle)).inputs).toEqual(sample.inputs);

    const { digest } = coordinator.models[0]!.info;
    const offline = ['--coordinator', 'http://127.0.0.1:1', '--data', folder.file('elsewhere')];
    const { json } = await runJson('verify', 'bundle', bundle, '--digest', digest, '--input', folder.file('input.raw'), ...offline);
    expect(json).toMatchObject({ proven: true, attributed: true, model: digest, coordinator: coordinator.address });

    expect(await failing('verify', 'bundle', bundle, '--digest', '00'.repeat(32), ...offline)).toMatchObject({
      exit: 1,
      code: 'not-verified',
    });
    writeFileSync(
      folder.file('other.raw'),
      sample.inputs[0]!.map((v) => v ^ 1),
    );
    expect(await failing('verify', 'bundle', bundle, '--input', folder.file('other.raw'), ...offline)).toMatchObject({
      exit: 1,
      got: 'a failure of the check "input"',
    });
    const file = readFileSync(bundle);
    writeFileSync(folder.file('changed.bundle'), file.with(file.length >> 1, file[file.length >> 1]! ^ 1));
    expect((await failing('verify', 'bundle', folder.file('changed.bundle'), ...offline)).exit).toBe(1);
    writeFileSync(folder.file('short.bundle'), file.subarray(0, -1));
    expect(await failing('verify', 'bundle', folder.file('short.bundle'), ...offline)).toMatchObject({ exit: 3, code: 'file-format' });
  });

  it('infer says what is wrong', async () => {
    const input = ['--input', folder.file('input.raw')];
    expect(await failing('infer', 'nothing', ...input, ...at)).toMatchObject({ exit: 3, code: 'unknown-model' });
    expect(await failing('infer', 'chain', ...input, '--coordinator', 'http://127.0.0.1:1')).toMatchObject({ exit: 4, code: 'network' });
    expect(await failing('infer', 'chain', ...input, '--slices', '0', ...at)).toMatchObject({ exit: 2, expected: '1 to 64' });
    expect(await failing('infer', 'chain', ...input, '--coordinator', 'host')).toMatchObject({ exit: 2 });
    expect(await failing('verify', folder.file('input.raw'), 'x', '--digest', '00'.repeat(32))).toMatchObject({ exit: 2 });
  });

  it('mine refuses keys and payees that are none', async () => {
    writeFileSync(folder.file('encrypted'), '$NACLxyz');
    expect(await failing('mine', '--key', folder.file('encrypted'), ...at)).toMatchObject({
      exit: 3,
      code: 'key-file',
      message: expect.stringContaining('the key file is encrypted'),
    });
    expect(await failing('mine', '--key', folder.file('missing'), ...at)).toMatchObject({ exit: 3, code: 'file' });
    expect(await failing('mine', '--payee', '5F', ...at)).toMatchObject({ exit: 2 });
    expect(await failing('mine', '--threads', '0', ...at)).toMatchObject({ exit: 2 });
  });

  it('mine makes a key of its own, logs, and says goodbye when it is stopped', async () => {
    const path = folder.file('data/miner-hotkey.json');
    expect(statSync(path).mode & 0o077).toBe(0);
    const { ss58Address } = JSON.parse(readFileSync(path, 'utf8')) as { ss58Address: string };
    expect(readKeyFile(readFileSync(path, 'utf8'))).toHaveLength(32);
    const [peer] = coordinator.miners;
    expect(peer!.hotkey).toEqual(keyOf(ss58Address));
    const bye = peer!.next('bye');
    miner.kill('SIGTERM');
    await bye;
    const { code, stdout, stderr } = await minerEnded;
    expect(code).toBe(0);
    expect(stdout).toContain('ended by SIGTERM: 3 proofs');
    expect(stderr).toContain(`mining as ${ss58Address} on 1 threads`);
    expect(stderr).toContain(`connected to ${coordinator.url} ${coordinator.address}`);
  });
});
