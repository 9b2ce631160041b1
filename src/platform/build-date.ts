/**
 * When this version was made. The present is not before it, whatever the clock says: a box without a battery for its
 * clock starts in 1970, or at the moment when it was last switched off. Milliseconds since 1970, UTC.
 */
export const buildDateMs = Date.UTC(2026, 10, 1);
