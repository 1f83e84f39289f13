// The import law of docs/architecture.md: for each room, the rooms of ours that it may import. A
// room that is not listed may not exist. gateway/ puts the others together, and cli/ is the program
// around it.
const law = {
  kernel: [],
  policy: ['kernel'],
  guard: ['policy', 'kernel'],
  limits: ['policy', 'kernel'],
  usage: ['limits', 'policy', 'kernel'],
  portal: ['kernel'],
  config: ['policy', 'kernel'],
  auth: ['guard', 'limits', 'policy', 'kernel'],
  keys: ['config', 'auth', 'policy', 'kernel'],
  route: ['policy', 'kernel'],
  'http-client': ['kernel'],
  upstream: ['http-client', 'portal', 'policy', 'kernel'],
  pipeline: ['guard', 'limits', 'usage', 'auth', 'route', 'upstream', 'policy', 'kernel'],
  server: ['pipeline', 'policy', 'kernel'],
  relay: ['portal', 'kernel'],
  expose: ['http-client', 'portal', 'kernel'],
  demo: ['kernel'],
  store: ['kernel'],
  admin: ['store', 'policy', 'kernel'],
  audit: ['store', 'policy', 'kernel'],
  observe: ['kernel'],
  gateway: [
    ...['auth', 'config', 'guard', 'keys', 'limits', 'observe', 'pipeline', 'policy', 'portal', 'route', 'server'],
    ...['upstream', 'usage', 'kernel'],
  ],
  // `keys` and `dev` create and hash keys (auth), and `explain` shows a decision of guard.
  cli: ['gateway', 'config', 'keys', 'auth', 'guard', 'portal', 'relay', 'expose', 'demo', 'observe/logs', 'kernel'],
};

const rooms = Object.entries(law).map(([room, allowed]) => ({
  name: `law-of-${room}`,
  severity: 'error',
  comment: `src/${room} imports ${allowed.length === 0 ? 'no other room' : allowed.join(', ') + ' and no other room'}`,
  from: { path: `^src/${room}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^src/', pathNot: [room, ...allowed].map((name) => `^src/${name}/`) },
}));

/* global module -- CommonJS, which is what dependency-cruiser reads */
module.exports = {
  forbidden: [
    ...rooms,
    {
      name: 'known-rooms-only',
      severity: 'error',
      comment: 'a new folder under src/ needs its line in the import law',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(law).join('|')})/` },
    },
    {
      name: 'guard-has-no-io',
      severity: 'error',
      comment: 'decisions are pure: the clock is an argument, and stores and libraries are behind other rooms',
      from: { path: '^src/guard/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '\\.test\\.ts$' }, to: {} },
    {
      name: 'source-never-imports-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(test|bench|tools)/|\\.test\\.ts$' },
    },
    {
      name: 'no-dev-dependencies-in-source',
      severity: 'error',
      comment: 'the package has only its dependencies, and what tsdown.config.ts puts into dist/',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: {
        pathNot: '^node_modules/(@bufbuild/protobuf|commander|yaml|zod)/',
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'relay-uses-the-doors-of-portal',
      severity: 'error',
      comment: 'the relay stands on the codecs, not on the client',
      from: { path: '^src/relay/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/portal/(session|dial|relay-client|publishing/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
    doNotFollow: { path: 'node_modules' },
  },
};
