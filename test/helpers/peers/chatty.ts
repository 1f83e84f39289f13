// A peer that sends several events at once before it is ready.
import { serveParent, tellParent } from './parent.ts';

for (const event of ['one', 'two', 'three']) tellParent(event);
serveParent({}, {});
