// The shape of the configuration schema, built once.
import { schema } from './schema.ts';
import { type SectionShape, shapeOf } from './shape.ts';

function rootShape(): SectionShape {
  const shape = shapeOf(schema);
  if (shape.kind !== 'section') throw new TypeError('the configuration is not a map of sections');
  return shape;
}

export const configShape: SectionShape = rootShape();
