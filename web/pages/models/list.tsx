/** `/models`: a card per model. */
import type { Model } from '../../../server/wire/http.ts';
import { Digest } from '../../design/digest.tsx';
import { linked } from '../../design/frame.tsx';
import { Notice } from '../../design/notice.tsx';
import { Quantity } from '../../design/quantity.tsx';
import { Silhouette } from '../../design/silhouette.tsx';
import { Term } from '../../design/term.tsx';
import { FailureWords } from '../failure.tsx';
import type { Atlas } from './atlas.ts';
import { finestPlan, task } from './words.ts';

export function ModelList({ atlas, coordinator }: { readonly atlas: Atlas; readonly coordinator: string | null }) {
  const models = atlas.models.value;
  return (
    <div class="stack">
      <h1>Models</h1>
      <p class="quiet">What this coordinator proves. A model is known by its digest; the name is for people.</p>
      {models.kind === 'loading' && <p class="quiet">Asking the coordinator…</p>}
      {models.kind === 'failed' && (
        <Notice kind="refused" inline>
          <FailureWords failure={models.failure} />
        </Notice>
      )}
      {models.kind === 'loaded' && models.value.length === 0 && (
        <p>No model has been published here. The owner of one publishes it with “veritab model publish”.</p>
      )}
      {models.kind === 'loaded' && (
        <ul class="cards">
          {models.value.map((model) => (
            <Card key={model.digest} model={model} coordinator={coordinator} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Card({ model, coordinator }: { readonly model: Model; readonly coordinator: string | null }) {
  const slices = finestPlan(model)?.slices ?? [];
  return (
    <li class="card stack">
      <div>
        <h2>
          <a href={linked(`/models/${model.digest}`, coordinator)}>{model.name}</a>
        </h2>
        <p class="small">{model.description}</p>
        <p class="small quiet">{task(model)}</p>
      </div>
      <Silhouette
        parts={slices.map(({ layers, work }) => ({ name: layers.join(', '), share: work }))}
        label={`Work of its ${slices.length} slices`}
      />
      <dl class="facts small">
        <dt>
          <Term of="digest">Digest</Term>
        </dt>
        <dd>
          <Digest value={model.digest} what={`digest of ${model.name}`} />
        </dd>
        <dt>
          <Term of="work">Work</Term>
        </dt>
        <dd>
          <Quantity value={model.work / 1e6} unit="ms" /> of a core
        </dd>
        <dt>Multiplications</dt>
        <dd>
          <Quantity value={model.multiplications} unit="count" />
        </dd>
        <dt>Published by</dt>
        <dd>{model.publisher === null ? 'the coordinator' : <Digest value={model.publisher} what="publisher’s key" />}</dd>
      </dl>
    </li>
  );
}
