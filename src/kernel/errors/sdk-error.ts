// The `error` member that the SDKs of OpenAI and Anthropic read. Both find their fields in it, and
// neither needs the other members of the body.
import type { ErrorCode } from './error-table.ts';

export interface SdkError {
  readonly message: string;
  readonly type: string;
  readonly code: ErrorCode;
}

/** https://docs.anthropic.com/en/api/errors; OpenAI's names are a subset of these in practice. */
const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

export function sdkError(status: number, code: ErrorCode, message: string): SdkError {
  return { message, type: types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'), code };
}
