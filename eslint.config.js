import { builtinModules } from 'node:module';
import eslint from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Which room may import which. A room that is not named as forbidden is allowed; `test` may import anything. */
const zones = [
  {
    target: './circuits',
    from: ['./wasm', './server', './web', './test'],
    message: 'circuits/ imports nothing of ours: what it needs is passed in.',
  },
  {
    target: './wasm',
    from: ['./server', './web', './test'],
    message: 'wasm/ imports circuits/ only.',
  },
  {
    target: './wasm/reference',
    from: './wasm',
    except: ['./reference', './parameters.ts'],
    message: 'The reference verifier shares nothing with the first one but the circuit and wasm/parameters.ts.',
  },
  {
    target: ['./server', './web'],
    from: './wasm',
    except: ['./prove.ts', './verify.ts', './runtime', './inference'],
    message: 'wasm/ is entered through prove.ts, verify.ts, runtime/ and inference/.',
  },
  {
    target: ['./server/*', './server/!(cli)/**'],
    from: ['./web', './test'],
    message: 'server/ never imports web/; only server/cli starts web/miner and web/client.',
  },
  {
    target: './server/cli',
    from: './web',
    except: ['./miner', './client'],
    message: 'Of web/, server/cli imports only miner/ and client/.',
  },
  {
    target: './server/cli',
    from: './test',
    message: 'Tests are imported by tests only.',
  },
  {
    target: './web',
    from: './server',
    except: ['./wire'],
    message: 'Of server/, web/ imports only wire/.',
  },
  {
    target: './web',
    from: './test',
    message: 'Tests are imported by tests only.',
  },
];

const platformMessage = 'Node is used only in server/, test/ and the node*.ts files of wasm/runtime and wasm/inference: have it passed in.';
const nodeModules = { regex: `^(node:.*|(${builtinModules.join('|')})(/.*)?)$`, message: platformMessage };

/** The files that may use Node. */
const nodeFiles = ['server/**', 'test/**', 'wasm/{runtime,inference}/node*.{ts,mjs}', 'circuits/models/*/train*.ts', '*.config.{js,ts}'];

export default defineConfig(
  globalIgnores(['dist/', 'node_modules/', 'wasm/kernels/', '.veritab/', 'test/vectors/']),
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    files: ['**/*.{ts,tsx,js,mjs}'],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'] })],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'UnaryExpression[operator="typeof"][argument.name=/^(window|document|process|self)$/]',
          message: 'No guessing of the platform: what differs is passed in.',
        },
      ],
      eqeqeq: 'error',
      // Number crunching: indices are known to be in range, bits are shifted, numbers are printed.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/restrict-plus-operands': ['error', { allowNumberAndString: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // An async function without await keeps the promise its interface asks for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['circuits/**', 'wasm/**', 'web/**'],
    ignores: nodeFiles,
    rules: {
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [nodeModules] }],
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate', 'require', '__dirname', '__filename'].map((name) => ({
          name,
          message: platformMessage,
        })),
      ],
    },
  },
  {
    files: ['wasm/reference/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [{ regex: '^(?!\\.|@noble/hashes/)', message: 'Of packages, the reference verifier imports @noble/hashes only.' }],
        },
      ],
    },
  },
  {
    files: ['test/**'],
    rules: {
      // Matchers are typed any, spied methods stand alone.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Plain JavaScript: configuration, build scripts, the small files that start workers.
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', performance: 'readonly', URL: 'readonly', Buffer: 'readonly' },
    },
  },
);
