// The environment of processes that tests start: none of this machine's settings, only the cache of
// compiled modules, without which every process compiles all sources again.
import process from 'node:process';

const cacheVariable = 'NODE_COMPILE_CACHE';
const cache = process.env[cacheVariable];

export function childEnvironment(settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...(cache !== undefined && { [cacheVariable]: cache }), ...settings };
}
