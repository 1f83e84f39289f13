import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  errorCode,
  fieldBlock,
  flag,
  frame,
  frameType,
  preface,
  uint32,
  type Fields,
} from '../helpers/http2-frames.ts';
import { RawHttp2 } from '../helpers/http2-raw.ts';
import { get, startSecureGateway } from '../helpers/secure-gateway.ts';
