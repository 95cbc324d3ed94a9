/** The Models page: the list, or one model. */
import { Frame } from '../../design/frame.tsx';
import type { CoordinatorAddress } from '../address.ts';
import type { Atlas } from './atlas.ts';
import { ModelList } from './list.tsx';
import { OneModel } from './one.tsx';
import './models.css';

export interface ModelsPageProps {
  readonly atlas: Atlas;
  /** The digest or name of one model; null: the list. */
  readonly name: string | null;
  readonly coordinator: CoordinatorAddress;
}

export function ModelsPage({ atlas, name, coordinator }: ModelsPageProps) {
  return (
    <Frame
      page="models"
      coordinator={coordinator.given}
      offline="Models that are shown stay; others need the coordinator."
      unsupported={null}
    >
      {name === null ? (
        <ModelList atlas={atlas} coordinator={coordinator.given} />
      ) : (
        <OneModel atlas={atlas} coordinator={coordinator.given} url={coordinator.url} />
      )}
    </Frame>
  );
}
