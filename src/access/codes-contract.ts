import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const AuthenticatorId = Type.Object({ id: Type.String({ maxLength: 64 }) });
const AuthenticatorName = Type.String({ minLength: 1, maxLength: 64 });
const BoxTime = Type.Integer({ description: 'what the box thinks it is: milliseconds since 1970, UTC' });
const RecoveryCodesView = Type.Array(Type.String(), {
  description: 'XXXX-XXXX-XXXX-XXXX, each good for one sign-in; shown this once',
});
const smallBodyBytesMax = 16 * 1024;

const AuthenticatorView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Milliseconds,
  confirmed: Type.Boolean({ description: 'false: its first code is due within 15 minutes of its making' }),
  lastUsedAt: Type.Union([Milliseconds, Type.Null()]),
});

export const codesContract = {
  listAuthenticators: {
    method: 'GET',
    path: '/api/authenticators',
    access: 'signed-in',
    summary: 'Lists one’s authenticator apps',
    status: 200,
    reply: Type.Object({ authenticators: Type.Array(AuthenticatorView), boxTime: BoxTime }),
  },
  beginAuthenticator: {
    method: 'POST',
    path: '/api/authenticators',
    access: 'halfway',
    summary: 'Makes an authenticator, shown this once; it counts when its first code is typed within 15 minutes',
    body: Type.Object({ name: AuthenticatorName }),
    bodyBytesMax: smallBodyBytesMax,
    status: 201,
    reply: Type.Object({
      id: Type.String(),
      name: Type.String(),
      textKey: Type.String({ description: 'base 32, in groups of four' }),
      otpauthUrl: Type.String({ description: 'otpauth://totp/BOX:PERSON?secret=...' }),
      qrSvg: Type.String({ description: 'the same link as a picture' }),
      expiresAt: Milliseconds,
      boxTime: BoxTime,
    }),
  },
  confirmAuthenticator: {
    method: 'POST',
    path: '/api/authenticators/:id/confirm',
    access: 'halfway',
    summary: 'Turns an authenticator on by its first code; ends the person’s other sessions',
    params: AuthenticatorId,
    body: Type.Object({ code: Type.String({ maxLength: 16 }) }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Type.Object({
      recoveryCodes: Type.Array(Type.String(), {
        description: 'ten, where the person had none left; shown this once. Else empty',
      }),
    }),
  },
  renameAuthenticator: {
    method: 'PATCH',
    path: '/api/authenticators/:id',
    access: 'signed-in',
    summary: 'Gives an authenticator another name',
    params: AuthenticatorId,
    body: Type.Object({ name: AuthenticatorName }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: AuthenticatorView,
  },
  removeAuthenticator: {
    method: 'DELETE',
    path: '/api/authenticators/:id',
    access: 'signed-in',
    summary: 'Removes an authenticator; ends the person’s other sessions',
    params: AuthenticatorId,
    status: 204,
  },
  countRecoveryCodes: {
    method: 'GET',
    path: '/api/recovery-codes',
    access: 'signed-in',
    summary: 'Says how many of one’s recovery codes are unused',
    status: 200,
    reply: Type.Object({ left: Type.Integer() }),
  },
  renewRecoveryCodes: {
    method: 'POST',
    path: '/api/recovery-codes',
    access: 'signed-in',
    summary: 'Makes ten new recovery codes; the old ones are dead, and the person’s other sessions end',
    status: 201,
    reply: Type.Object({ codes: RecoveryCodesView }),
  },
  recoveryKeyState: {
    method: 'GET',
    path: '/api/recovery-key',
    access: 'owner',
    summary: 'Says whether there is a recovery key, and what opens the copies of the box state',
    status: 200,
    reply: Type.Object({
      recoveryKey: Type.Union([
        Type.Object({
          fingerprint: Type.String({ description: 'of the key that seals the copies' }),
          madeAt: Milliseconds,
          opensByPassword: Type.Boolean({ description: 'false: make a new recovery key' }),
        }),
        Type.Null(),
      ]),
    }),
  },
  makeRecoveryKey: {
    method: 'POST',
    path: '/api/recovery-key',
    access: 'owner',
    summary: 'Makes a new recovery key for the copies of the box state; the old one opens only the copies made so far',
    body: Type.Object({ password: Type.String({ minLength: 1, maxLength: 256, description: 'the owner’s' }) }),
    bodyBytesMax: smallBodyBytesMax,
    status: 201,
    reply: Type.Object({
      recoveryKey: Type.String({ description: 'eight groups of four, the last symbols a checksum; shown this once' }),
    }),
  },
} as const satisfies Contract;
