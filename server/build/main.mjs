// Builds what is stale: node server/build/main.mjs [--force] [kernels] [node] [web]
import { parseArgs } from 'node:util';
import { buildKernels } from './kernels.mjs';
import { buildNode } from './node.mjs';
import { buildWeb } from './web.mjs';

const BUILDS = { kernels: buildKernels, node: buildNode, web: buildWeb };

const { values, positionals } = parseArgs({ allowPositionals: true, options: { force: { type: 'boolean', default: false } } });
const unknown = positionals.find((name) => !Object.hasOwn(BUILDS, name));
if (unknown !== undefined) {
  console.error(`no build is called ${unknown}; there are: ${Object.keys(BUILDS).join(', ')}`);
  process.exit(2);
}
for (const [name, build] of Object.entries(BUILDS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const start = performance.now();
  try {
    if (await build(values)) console.error(`built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  } catch (error) {
    console.error(`building ${name} failed: ${error.message}`);
    process.exit(1);
  }
}
