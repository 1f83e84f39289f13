// Owns writing what is made of the configuration's schema: its reference and example for people, its types for our code. With --check it
// writes nothing and fails when either is out of date.
import { configShape } from '../src/config/schema/config-shape.ts';
import { configExample } from './config-example.ts';
import { configReference } from './config-reference.ts';
import { configTypes } from './config-types.ts';
import { writeOrCheck } from './generated-files.ts';

await writeOrCheck({
  'docs/configuration.md': () => configReference(configShape),
  'examples/all-settings.yaml': () => configExample(configShape),
  'src/config/load/config.ts': () => configTypes(configShape),
});
