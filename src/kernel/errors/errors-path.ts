/** The path of the gateway's page that explains the error codes. */
export const errorsPath = '/.well-known/portal-gateway/errors';
