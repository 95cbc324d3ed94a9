/** `/models/<digest>`: one model: what it reads and gives, its slices, its layers, how to compile it again. */
import { convolutions, size, type Circuit, type Layer } from '../../../circuits/graph/circuit.ts';
import type { Model, TensorInfo } from '../../../server/wire/http.ts';
import { Digest } from '../../design/digest.tsx';
import { linked } from '../../design/frame.tsx';
import { Notice } from '../../design/notice.tsx';
import { Quantity } from '../../design/quantity.tsx';
import { StateSignal } from '../../design/signal.tsx';
import { Silhouette } from '../../design/silhouette.tsx';
import { Term } from '../../design/term.tsx';
import { FailureWords } from '../failure.tsx';
import type { Atlas } from './atlas.ts';
import { finestPlan, task } from './words.ts';

export function OneModel({
  atlas,
  coordinator,
  url,
}: {
  readonly atlas: Atlas;
  readonly coordinator: string | null;
  readonly url: string;
}) {
  const loading = atlas.model.value;
  const back = (
    <p class="small">
      <a href={linked('/models', coordinator)}>All models</a>
    </p>
  );
  if (loading.kind !== 'loaded') {
    return (
      <div class="stack">
        {back}
        <h1>Model</h1>
        {loading.kind === 'loading' ? (
          <p class="quiet">Asking the coordinator…</p>
        ) : (
          <Notice kind="refused" inline>
            <FailureWords failure={loading.failure} />
          </Notice>
        )}
      </div>
    );
  }
  const model = loading.value;
  return (
    <div class="stack">
      {back}
      <div>
        <h1>{model.name}</h1>
        <p>{model.description}</p>
        <p class="quiet">{task(model)}</p>
      </div>
      <Facts model={model} />
      <Tensors title="Reads" tensors={model.inputs} />
      <Tensors title="Gives" tensors={model.outputs} />
      <Slices model={model} />
      <Layers atlas={atlas} />
      <Reproduce model={model} url={url} />
    </div>
  );
}

function Facts({ model }: { readonly model: Model }) {
  return (
    <dl class="facts">
      <dt>
        <Term of="digest">Digest</Term>
      </dt>
      <dd>
        <Digest value={model.digest} what="model digest" />
      </dd>
      <dt>Published by</dt>
      <dd>{model.publisher === null ? 'the coordinator' : <Digest value={model.publisher} what="publisher’s key" />}</dd>
      <dt>Since</dt>
      <dd>
        <time dateTime={new Date(model.created).toISOString()}>{new Date(model.created).toISOString().slice(0, 16).replace('T', ' ')}</time>{' '}
        UTC, the coordinator’s clock
      </dd>
      <dt>Multiplications</dt>
      <dd>
        <Quantity value={model.multiplications} unit="count" />
      </dd>
      <dt>Weights</dt>
      <dd>
        <Quantity value={model.weights} unit="count" />
      </dd>
      <dt>
        <Term of="work">Work</Term>
      </dt>
      <dd>
        <Quantity value={model.work / 1e6} unit="ms" /> of a reference core
      </dd>
      <dt>Files</dt>
      <dd>
        circuit <Quantity value={model.circuitBytes} unit="B" />, weights <Quantity value={model.weightsBytes} unit="B" />
      </dd>
    </dl>
  );
}

function Tensors({ title, tensors }: { readonly title: string; readonly tensors: readonly TensorInfo[] }) {
  return (
    <section>
      <h2>{title}</h2>
      {tensors.map(({ name, dims, type, scale, zero, note, labels }) => (
        <p key={name}>
          <code>{name}</code> {dims.join(' × ')} {type},{' '}
          {`real value = ${scale.toPrecision(3)} × ${zero === 0 ? 'integer' : `(integer − ${zero})`}`}
          {note === '' ? '' : `; ${note}`}
          {labels.length > 0 && `; ${labels.slice(0, 10).join(', ')}${labels.length > 10 ? `, and ${labels.length - 10} more` : ''}`}
        </p>
      ))}
    </section>
  );
}

function Slices({ model }: { readonly model: Model }) {
  const plan = finestPlan(model);
  if (plan === null) return null;
  return (
    <section class="stack">
      <h2>
        <Term of="slice">Slices</Term>
      </h2>
      <p class="small quiet">
        Proven in {model.plans.map(({ slices }) => slices.length).join(' or ')}; here the finest plan, each part as wide as its share of the
        work.
      </p>
      <Silhouette
        parts={plan.slices.map(({ layers, work }) => ({ name: layers.join(', '), share: work }))}
        label={`Work of the ${plan.slices.length} slices`}
      />
      <div class="scroller" tabIndex={0} role="region" aria-label="Slices">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Slice</th>
              <th scope="col">Layers</th>
              <th scope="col">Circuit</th>
              <th scope="col" class="number">
                Work
              </th>
            </tr>
          </thead>
          <tbody>
            {plan.slices.map(({ digest, layers, work }, k) => (
              <tr key={digest}>
                <td>{k + 1}</td>
                <td>{layers.join(', ')}</td>
                <td>
                  <Digest value={digest} what={`digest of slice ${k + 1}`} />
                </td>
                <td class="number">
                  <Quantity value={work / 1e6} unit="ms" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const KINDS: Readonly<Record<Layer['kind'], string>> = { requantize: 'sum, requantized', maximum: 'maximum', accumulate: 'sum, 32 bits' };

function Layers({ atlas }: { readonly atlas: Atlas }) {
  const circuit = atlas.circuit.value;
  return (
    <section class="stack">
      <div>
        <h2>Layers</h2>
        {circuit.kind === 'loading' && <p class="small quiet">Fetching the circuit…</p>}
        {circuit.kind === 'failed' && (
          <Notice kind="refused" inline>
            <FailureWords failure={circuit.failure} />
          </Notice>
        )}
        {circuit.kind === 'loaded' && (
          <p class="small">
            <StateSignal state="verified">Read from the circuit, whose digest this tab has computed.</StateSignal>
          </p>
        )}
      </div>
      {circuit.kind === 'loaded' && <LayerTable circuit={circuit.value} />}
    </section>
  );
}

function LayerTable({ circuit }: { readonly circuit: Circuit }) {
  const weights = new Map<string, number>();
  for (const { layer, term } of convolutions(circuit)) {
    const [channels] = term.operand.shape;
    const own = (layer.shape[0] * channels * term.kernel[0] * term.kernel[1]) / term.groups;
    weights.set(layer.name, (weights.get(layer.name) ?? 0) + own);
  }
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label="Layers">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">Kind</th>
            <th scope="col">Shape</th>
            <th scope="col" class="number">
              Values
            </th>
            <th scope="col" class="number">
              Weights
            </th>
          </tr>
        </thead>
        <tbody>
          {circuit.layers.map((layer) => (
            <tr key={layer.name}>
              <td>{layer.name}</td>
              <td>{KINDS[layer.kind]}</td>
              <td>{layer.shape.join(' × ')}</td>
              <td class="number">{size(layer.shape).toLocaleString('en')}</td>
              <td class="number">{(weights.get(layer.name) ?? 0).toLocaleString('en')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Reproduce({ model, url }: { readonly model: Model; readonly url: string }) {
  return (
    <section class="stack">
      <h2>Compile it again</h2>
      <p class="small quiet">
        Whoever has the model’s recipe and its ONNX file gets the same digest, or it is another model. The circuit itself can be read here:
      </p>
      <pre class="commands" tabIndex={0}>
        {[
          `veritab reproduce ${model.name}.recipe.json`,
          `curl -o ${model.name}.circuit ${url}/v1/blobs/${model.circuitBlob}`,
          `veritab inspect ${model.name}.circuit --security`,
        ].join('\n')}
      </pre>
    </section>
  );
}
