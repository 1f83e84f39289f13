// A peer with much to tell before it is ready, all at once.
import { serveParent, tellParent } from './parent.ts';

for (const event of ['one', 'two', 'three']) tellParent(event);
serveParent({}, {});
