/** The pages about who can get in, as the owner and a member use them: real locks, real codes, a real box. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { codeAt } from '../support/totp.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const newPassword = 'quite another four words';
let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house[Symbol.asyncDispose]());

async function isFine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

/** What the box wants to be sure of first is asked for, and then not again for ten minutes. */
async function confirmByPassword({ page }: Visitor, password: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Is it still you?' });
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

describe('the owner', () => {
  it('adds one-time codes, keeps the recovery codes, and sees it in the log', async () => {
    // A box of its own: from then on its owner needs codes to come in.
    await using own = await WebHouse.start();
    const visitor = await own.visit();
    const { page } = visitor;
    await visitor.signIn();
    await visitor.go('/security');
    await page.getByText('Only the password guards this box').waitFor();
    await isFine(visitor);
    await visitor.shot('security-off', { full: true });
    await page.getByRole('button', { name: 'Add one-time codes' }).click();
    await page.getByLabel('What shall it be called?').fill('Aegis');
    await page.getByRole('button', { name: 'Go on' }).click();
    const key = await page.locator('.copy-line code').textContent();
    await visitor.shot('security-add-codes');
    await isFine(visitor);
    await page.getByLabel('The six digits that it shows').fill(codeAt(String(key), Date.now()));
    await page.getByRole('heading', { name: 'The box shows this once.' }).waitFor();
    const codes = await page.locator('.recovery-codes li').allTextContents();
    expect(codes).toHaveLength(10);
    await visitor.shot('security-recovery-sheet');
    await isFine(visitor);
    const done = page.getByRole('button', { name: 'Done' });
    await expect.poll(() => done.isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as a file' }).click();
    expect((await saved).suggestedFilename()).toBe('nightjar-recovery-sheet.txt');
    await done.click();
    await page.getByText('10 of 10 left').waitFor();
    await page.getByText('Aegis', { exact: true }).waitFor();
    await visitor.shot('security', { full: true });
    await page.getByRole('link', { name: 'Everything that happened' }).click();
    await page.getByText('Added one-time codes').waitFor();
    await visitor.shot('security-log');
    await isFine(visitor);
  });

  it('changes the rules and invites somebody, in the dark, on a phone', async () => {
    const visitor = await house.visit({ view: 'phone', theme: 'dark' });
    const { page } = visitor;
    await visitor.signIn();
    await visitor.go('/security');
    await page.getByText('Rules for everyone').waitFor();
    await visitor.shot('security', { full: true });
    await isFine(visitor);
    await page.getByLabel('Lock when idle').selectOption('15');
    await expect.poll(async () => (await policy(visitor)).idleLockMinutes).toBe(15);
    await page.getByLabel('Lock when idle').selectOption('0');
    await expect.poll(async () => (await policy(visitor)).idleLockMinutes).toBe(null);
    await visitor.go('/security/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Tom');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'An invitation for Tom' }).waitFor();
    await visitor.shot('security-invitation');
    await isFine(visitor);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByText('Invited; the link works until').waitFor();
    await visitor.shot('security-people');
    await page.getByRole('button', { name: 'Remove Tom?' }).click();
    const remove = page.getByRole('button', { name: 'Remove Tom', exact: true });
    await expect.poll(() => remove.isDisabled()).toBe(true);
    await page.getByLabel('Type “Tom”').fill('Tom');
    await visitor.shot('security-remove-person');
    await isFine(visitor);
    await remove.click();
    await page.getByText('their photos are still on the disk').waitFor();
  });

  it('changes the password; a weak one is refused in words, and the other sessions end', async () => {
    const visitor = await house.visit();
    const other = await house.visit();
    const { page } = visitor;
    await visitor.signIn();
    await other.signIn();
    await visitor.go('/security/password');
    await page.getByLabel('Current password').fill(goodPassword);
    await page.getByLabel('New password', { exact: true }).fill('passwordpassword');
    await page.getByLabel('New password again').fill('passwordpassword');
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('one of those that are guessed first').waitFor();
    await visitor.shot('security-password');
    await isFine(visitor);
    await page.getByLabel('New password', { exact: true }).fill(newPassword);
    await page.getByLabel('New password again').fill(newPassword);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.waitForURL(/\/security$/);
    await page.getByText('Your password was changed.').waitFor();
    await page.getByRole('button', { name: 'I have seen this' }).click();
    await page.getByText('Your password was changed.').waitFor({ state: 'hidden' });
    await other.go('/security');
    await other.page.waitForURL(/\/sign-in/);
  });

  it('is asked again before what changes who gets in, when the last time was long ago', async () => {
    let later = 0;
    await using own = await WebHouse.start({ now: () => Date.now() + later });
    const visitor = await own.visit();
    const { page } = visitor;
    await visitor.signIn();
    later = 11 * 60_000;
    await visitor.go('/security');
    await page.getByRole('button', { name: 'Make a new key' }).click();
    await page.getByRole('dialog').getByLabel('Password').fill(goodPassword);
    await page.getByRole('button', { name: 'Make the key' }).click();
    await confirmByPassword(visitor, goodPassword);
    await page.getByText('Recovery key', { exact: true }).last().waitFor();
    await page.getByLabel('I wrote them down').check();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText(/^Made today at/).waitFor();
  });
});

async function policy(visitor: Visitor): Promise<{ idleLockMinutes: number | null }> {
  return (await visitor.context.request.get(`${house.origin}/api/policy`)).json();
}
