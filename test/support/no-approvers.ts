/**
 * For tests of phones that are about no second factor: nobody's key is taken, and everybody has just confirmed. Nobody is
 * told of pairings either.
 */
export const noApprovers = {
  approvers: {
    mayComeByPairing: () => false,
    openerIsThere: () => true,
    ofPhone: () => undefined,
    pairedInWrite: () => undefined,
    phoneEndedInWrite: () => undefined,
  },
  requireConfirmed: () => undefined,
  welcome: () => 'http://192.168.1.5/',
  tell: () => undefined,
  notify: () => undefined,
} as const;
