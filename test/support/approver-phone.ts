/** A phone's key as its page makes it, by the same WebCrypto, and the answers that it signs. */
import type { webcrypto } from 'node:crypto';
import { approvalText } from '../../src/access/approval-text.ts';

export class ApproverKey {
  readonly publicKey: string;
  readonly #privateKey: webcrypto.CryptoKey;

  private constructor(publicKey: string, privateKey: webcrypto.CryptoKey) {
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  static async make(): Promise<ApproverKey> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const pair = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
    const spki = await crypto.subtle.exportKey('spki', pair.publicKey);
    return new ApproverKey(Buffer.from(spki).toString('base64'), pair.privateKey);
  }

  /** The body of an answer. `said`: what is sent, where that differs from what is signed. */
  async answer(
    of: { id: string; digits: string; at: number; phoneId: string; origin: string },
    said: Partial<{ digits: string; at: number; origin: string }> = {},
  ): Promise<{ digits: string; at: number; origin: string; signature: string }> {
    const { id: requestId, digits, at, phoneId, origin } = of;
    const text = new TextEncoder().encode(approvalText({ origin, requestId, digits, at, phoneId }));
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, this.#privateKey, text);
    return { digits, at, origin, ...said, signature: Buffer.from(signature).toString('base64') };
  }
}
