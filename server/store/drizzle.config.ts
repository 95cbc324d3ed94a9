/** For whoever changes the schema: `npx drizzle-kit generate --config server/store/drizzle.config.ts --name what-changes` writes the next migration. */
import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './server/store/schema.ts',
  out: './server/store/migrations',
  casing: 'snake_case',
});
