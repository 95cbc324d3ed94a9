/** Column types that drizzle has none of. */
import { customType, bigint } from 'drizzle-orm/pg-core';
import { decodeTensors, encodeTensors, type Tensor } from './tensors.ts';

/** Bytes. */
export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => new Uint8Array(value),
});

/** A list of tensors, see `tensors.ts`. */
export const tensors = customType<{ data: readonly Tensor[]; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: encodeTensors,
  fromDriver: decodeTensors,
});

/** Milliseconds since 1970, or any other count that a double holds exactly. */
export const count = () => bigint({ mode: 'number' });
