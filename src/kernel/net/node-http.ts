// The values of node:http that the program uses. Import them from here, and types from node:http:
// an `import` of values reads all of its exports, one of which loads the undici inside Node (15 MiB
// and 20 ms).
import type * as http from 'node:http';
import process from 'node:process';

const builtin: typeof http = process.getBuiltinModule('node:http');

export const createServer: typeof http.createServer = builtin.createServer;
export const IncomingMessage: typeof http.IncomingMessage = builtin.IncomingMessage;
export type IncomingMessage = http.IncomingMessage;
export const METHODS: typeof http.METHODS = builtin.METHODS;
export const request: typeof http.request = builtin.request;
export const ServerResponse: typeof http.ServerResponse = builtin.ServerResponse;
export type ServerResponse = http.ServerResponse;
export const STATUS_CODES: typeof http.STATUS_CODES = builtin.STATUS_CODES;
