// The default configuration.
import type { Config } from '../load/config.ts';
import { configShape } from './config-shape.ts';
import { toConfig } from '../load/to-config.ts';
import { withRelays } from './relays.ts';
import { schema } from './schema.ts';
import { mapNode } from '../source/sourced.ts';

export function defaultConfig(): Config {
  // No path is set by default, so the working directory does not matter.
  return withRelays(toConfig(schema.parse({}), mapNode([], { kind: 'default' }), configShape, '/'));
}
