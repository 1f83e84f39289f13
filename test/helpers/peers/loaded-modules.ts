// Loaded before a program (--import): writes what the program has loaded to stderr when it ends.
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import process from 'node:process';

const packages = new Set<string>();
registerHooks({
  load(url, context, next) {
    const inside = url.split('/node_modules/').at(-1);
    if (inside !== undefined && inside !== url) packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(inside)?.[0] ?? '');
    return next(url, context);
  },
});
process.on('exit', () => {
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  const builtins = moduleLoadList.filter((entry) => entry.startsWith('NativeModule ')).map((entry) => entry.slice(13));
  writeSync(2, `\nloaded ${JSON.stringify([...packages, ...builtins])}\n`);
});
