// Writes the files generated from the configuration schema: the reference, the example and the
// types. With --check, writes nothing and fails when one of them is out of date.
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
