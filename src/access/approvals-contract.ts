import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC, by the box’s clock' });
const ApprovalId = Type.Object({ id: Type.String({ maxLength: 64 }) });
const bodyBytesMax = 4 * 1024;
/** The longest that an answer is held back. */
const waitMsMax = 25_000;

export const PublicKey = Type.String({
  maxLength: 256,
  description: 'P-256, as SubjectPublicKeyInfo (RFC 5280) in base64',
});

export const RecoveryCodesOnce = Type.Array(Type.String(), {
  description: 'ten, shown this once, for a person who had none left; else empty',
});

const requestMembers = {
  id: Type.String(),
  browser: Type.String({ description: 'as people call it: “Chrome on Windows”' }),
  address: Type.String(),
  home: Type.Boolean({ description: 'the address is in one of the box’s own networks' }),
  at: Type.Integer({ description: 'milliseconds since 1970: sign this very number' }),
  expiresAt: Milliseconds,
  triesLeft: Type.Integer(),
};
const RequestView = Type.Object(requestMembers);

/** Told live to a person's phones and pages. The digits are in none of it. */
export const ApprovalEvent = Type.Union([
  Type.Object(
    { type: Type.Literal('approval-asked'), ...requestMembers },
    { description: 'a browser asks for approval of a sign-in' },
  ),
  Type.Object(
    {
      type: Type.Literal('approval-ended'),
      id: Type.String(),
      state: Type.Union([Type.Literal('approved'), Type.Literal('denied'), Type.Literal('dead')]),
    },
    { description: 'a request can no longer be answered' },
  ),
]);
export type ApprovalEvent = Static<typeof ApprovalEvent>;

const ApproverView = Type.Object({
  id: Type.String(),
  phoneId: Type.String(),
  name: Type.String({ description: 'the phone’s; it is renamed with its phone' }),
  createdAt: Milliseconds,
  lastUsedAt: Type.Union([Milliseconds, Type.Null()]),
});

export const approvalsContract = {
  askForApproval: {
    method: 'POST',
    path: '/api/sessions/current/approval',
    access: 'halfway',
    summary: 'Asks the person’s phones to approve this sign-in; the digits are shown here and nowhere else',
    status: 201,
    reply: Type.Object({
      id: Type.String(),
      digits: Type.String({ description: 'six, to be typed on the phone' }),
      expiresAt: Milliseconds,
      approvers: Type.Array(Type.String({ description: 'the name of a phone that can approve' })),
    }),
  },
  approvalState: {
    method: 'GET',
    path: '/api/sessions/current/approval/:id',
    access: 'halfway',
    summary: 'How that request stands; waits until it is answered; once approved, goes on with the sign-in',
    params: ApprovalId,
    query: Type.Object({
      waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: waitMsMax, description: 'hold the answer so long' })),
    }),
    status: 200,
    reply: Type.Object({
      state: Type.Union([
        Type.Literal('open'),
        Type.Literal('approved'),
        Type.Literal('done'),
        Type.Literal('denied'),
        Type.Literal('dead'),
      ]),
      stage: Type.Optional(Type.String({ description: 'with “approved”: what the session still lacks, or “open”' })),
    }),
  },
  listApprovers: {
    method: 'GET',
    path: '/api/approvers',
    access: 'signed-in',
    summary: 'Lists the phones that may approve one’s sign-ins',
    status: 200,
    reply: Type.Object({ approvers: Type.Array(ApproverView) }),
  },
  registerApprover: {
    method: 'POST',
    path: '/api/approvers',
    access: 'signed-in',
    summary: 'Makes this browser one’s own phone (again): its key may approve; needs a fresh confirmation',
    body: Type.Object({ publicKey: PublicKey, phoneId: Type.String({ maxLength: 64 }) }),
    bodyBytesMax,
    status: 201,
    reply: Type.Object({
      approver: ApproverView,
      token: Type.String({ description: 'of the phone’s page, in place of its last one: Authorization: Bearer TOKEN' }),
      recoveryCodes: RecoveryCodesOnce,
    }),
  },
  removeApprover: {
    method: 'DELETE',
    path: '/api/approvers/:id',
    access: 'signed-in',
    summary: 'Ends a phone’s right to approve; the phone itself stays; needs a fresh confirmation',
    params: ApprovalId,
    status: 204,
  },
  listApprovals: {
    method: 'GET',
    path: '/api/approvals',
    access: 'phone',
    summary: 'What this phone may answer now, and the key by which the box knows it',
    status: 200,
    reply: Type.Object({
      approver: Type.Union([Type.Object({ id: Type.String(), publicKey: PublicKey }), Type.Null()]),
      phoneId: Type.String(),
      phone: Type.String(),
      person: Type.String(),
      approvals: Type.Array(RequestView),
    }),
  },
  answerApproval: {
    method: 'POST',
    path: '/api/approvals/:id',
    access: 'phone',
    summary: 'Approves: the digits as they were typed, signed by the phone’s key (see access/approval-text.ts)',
    params: ApprovalId,
    body: Type.Object({
      digits: Type.String({ pattern: '^[0-9]{6}$' }),
      at: Type.Integer({ description: 'as the request carried it' }),
      origin: Type.String({ maxLength: 256, description: 'of the page that signed' }),
      signature: Type.String({ maxLength: 128, description: 'r and s (IEEE P1363), in base64' }),
    }),
    bodyBytesMax,
    status: 200,
    reply: Type.Object({ browser: Type.String(), address: Type.String() }),
  },
  denyApproval: {
    method: 'POST',
    path: '/api/approvals/:id/deny',
    access: 'phone',
    summary: 'This is not me: ends the request and the sign-in that it is for',
    params: ApprovalId,
    status: 204,
  },
} as const satisfies Contract;
