// Explains why a server's certificate was rejected, and the remedy.

/**
 * `code`: Node's error code of the failed handshake. `caSetting`: the setting in which users name a
 * CA. Undefined: the certificate is not the cause.
 */
export function certificateFault(code: string, caSetting: string): string | undefined {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return `its certificate is not signed by a trusted authority (${code}); name its CA in ${caSetting}`;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return `its certificate has expired or is not valid yet (${code}); renew it, or check the clock of this machine`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another host name (${code}); correct the host`;
    default:
      return undefined;
  }
}
