// Owns writing what is made of the configuration's schema: its reference for people and its types for our code. With --check it
// writes nothing and fails when either is out of date.
import { configShape } from '../src/config/config-shape.ts';
import { configReference } from './config-reference.ts';
import { configTypes } from './config-types.ts';
import { writeOrCheck } from './generated-files.ts';

await writeOrCheck({
  'docs/configuration.md': () => configReference(configShape),
  'src/config/config.ts': () => configTypes(configShape),
});
