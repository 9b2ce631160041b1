/** What a pairing shows, to whoever opens it, looks at it, or uses it up. Shapes alone. */

export type BoxFacts = Readonly<{
  name: string;
  /** `host:port` of the https door, best first; at least one. IPv6 in brackets. */
  addresses: readonly string[];
  /** The one of them that the link opens; default: the first. */
  linkAddress?: string;
  /** SHA-256 of the root certificate's DER, lower-case hexadecimal. */
  fingerprint: string;
}>;
/** What a pairing is opened for: a name for a new phone, or the id of one whose place the new one takes. */
export type AskedPairing = Readonly<{ person?: string; phone?: string; baseFolder?: string; replaces?: string }>;
export type OpenPairing = Readonly<{
  id: string;
  link: string;
  code: string;
  /** Empty: the phone names itself. */
  phone: string;
  person: string;
  fingerprint: string;
  addresses: string[];
  /** The box's page on plain http, which says how to trust it. No secret is in it. */
  welcome: string;
  expiresAt: number;
}>;
/** What a pairing shows before it is used: whose phone it makes, of which box, and where that answers. */
export type PairingLook = Readonly<{
  /** Empty: the phone names itself. */
  phone: string;
  person: string;
  baseFolder: string;
  /** Folders that phones of this person have or had, the latest first. */
  folders: string[];
  /** The name of who opened it; null: somebody at the box's console. */
  by: string | null;
  openedAt: number;
  expiresAt: number;
  box: string;
  addresses: string[];
  fingerprint: string;
  /** The name of the phone whose place it takes; null: it is a new one. */
  replaces: string | null;
  /** A key that it brings may approve sign-ins. */
  mayApprove: boolean;
}>;
/** What a phone says of itself; `approverKey`: P-256, SPKI in base64. */
export type Redeemer = Readonly<{
  client?: string;
  clientVersion?: string;
  approverKey?: string;
  /** Its name and folder as they were chosen on it; default: as the pairing has them. */
  phone?: string;
  baseFolder?: string;
}>;
/** `approver`: the key that it brought may approve sign-ins; then recovery codes too, for a person who had none left. */
export type Redeemed = Readonly<{
  phoneId: string;
  phone: string;
  person: string;
  baseFolder: string;
  box: string;
  token: string;
  approver: boolean;
  recoveryCodes: string[];
}>;

export type PairingState = 'open' | 'joined' | 'refused' | 'closed';
/** What the panel of whoever opened a pairing shows. */
export type PairingPanelView = Readonly<{
  id: string;
  state: PairingState;
  /** Null: over, opened in another session, or opened before the box started. */
  link: string | null;
  code: string | null;
  phone: string;
  person: string;
  baseFolder: string;
  replaces: string | null;
  replacesId: string | null;
  by: string | null;
  openedAt: number;
  expiresAt: number;
  triesLeft: number;
  fingerprint: string;
  addresses: string[];
  welcome: string;
  trustedAt: number | null;
  lookedAt: number | null;
  joined: Readonly<{ phoneId: string; phone: string; at: number }> | null;
}>;
