// Checks that an error is a PortalError with the expected code.
import assert from 'node:assert/strict';
import { PortalError, type PortalErrorCode } from '../../src/portal/errors.ts';

/** For assert.throws and assert.rejects. */
export function portalError(code: PortalErrorCode): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PortalError, `not a PortalError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  };
}
