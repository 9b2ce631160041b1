/** For tests of phones that are about no second factor: nobody's key is taken, and everybody has just confirmed. */
export const noApprovers = {
  approvers: {
    mayComeByPairing: () => false,
    openerIsThere: () => true,
    ofPhone: () => undefined,
    pairedInWrite: () => undefined,
    phoneEndedInWrite: () => undefined,
  },
  requireConfirmed: () => undefined,
} as const;
