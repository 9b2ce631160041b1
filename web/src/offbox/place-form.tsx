import { useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { offbox as t } from '../text/en/offbox.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Check, Field, PasswordField, SelectField, Switch } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';

export type Offbox = ReplyOf<'GET /api/offbox'>;
export type OffboxCopy = NonNullable<Offbox['copy']>;
type Target = OffboxCopy['target'];
type Kind = 'sftp' | 'rest' | 's3';
type Draft = Readonly<Record<'host' | 'port' | 'user' | 'path' | 'url' | 'bucket' | 'prefix', string>> &
  Readonly<{ kind: Kind }>;
type FormProps = Readonly<{ copy: OffboxCopy | null; onSaved: (offbox: Offbox) => void; onClose?: () => void }>;

const kinds: readonly Kind[] = ['sftp', 'rest', 's3'];
const kibMin = 16;

/** Where the copy is to go. Nothing leaves the box by it; secrets are typed again where the place is another. */
export function PlaceForm({ copy, onSaved, onClose }: FormProps) {
  const [draft, setDraft] = useState(() => draftOf(copy?.target));
  const [secret, setSecret] = useState('');
  const [existing, setExisting] = useState(false);
  const [password, setPassword] = useState('');
  const [upload, setUpload] = useState(copy?.uploadKiBPerSecond?.toString() ?? '');
  const [appendOnly, setAppendOnly] = useState(copy?.appendOnly ?? false);
  const [enabled, setEnabled] = useState(copy?.enabled ?? true);
  const kib = upload.trim() === '' ? null : Number(upload);
  const fits = kib === null || (Number.isInteger(kib) && kib >= kibMin);
  const { busy, refusal, run } = useDoing(async () => {
    const body = {
      target: targetOf(draft),
      ...(secret !== '' && { secret }),
      ...(existing && { password }),
      enabled,
      uploadKiBPerSecond: kib,
      appendOnly,
    };
    onSaved(await confirmFirst(() => ask('PUT /api/offbox', { body })));
  });
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits) void run();
      }}
    >
      <SelectField
        label={t.kind}
        value={draft.kind}
        options={kinds.map((kind) => ({ value: kind, label: t.kinds[kind] }))}
        onChange={(kind) => setDraft({ ...draft, kind })}
        hint={t.kindHints[draft.kind]}
      />
      <PlaceFields draft={draft} onChange={setDraft} />
      {draft.kind !== 'sftp' && (
        <PasswordField
          label={draft.kind === 's3' ? t.keySecret : t.restPassword}
          value={secret}
          onInput={setSecret}
          hint={copy?.secretSet === true ? t.secretKept : undefined}
          autocomplete="off"
          maxLength={1_024}
        />
      )}
      <Field
        label={t.upload}
        value={upload}
        onInput={setUpload}
        inputMode="numeric"
        maxLength={7}
        error={fits ? undefined : t.uploadWrong}
      />
      {draft.kind === 'rest' && (
        <Check checked={appendOnly} onChange={setAppendOnly}>
          {t.appendOnly}
        </Check>
      )}
      <Check checked={existing} onChange={setExisting}>
        {t.existing}
      </Check>
      {existing && (
        <PasswordField
          label={t.existingPassword}
          value={password}
          onInput={setPassword}
          hint={t.existingHint}
          autocomplete="off"
          maxLength={256}
          required
        />
      )}
      <Switch label={t.nightly} hint={t.nightlyHint} on={enabled} onChange={setEnabled} />
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button type="submit" busy={busy}>
          {t.save}
        </Button>
        {onClose !== undefined && (
          <Button look="quiet" onClick={onClose}>
            {common.cancel}
          </Button>
        )}
      </div>
    </form>
  );
}

function PlaceFields({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const field = (name: keyof Draft, label: string, more: { hint?: string; required?: boolean } = {}) => (
    <Field
      label={label}
      value={draft[name]}
      onInput={(value) => onChange({ ...draft, [name]: value })}
      autocomplete="off"
      maxLength={500}
      required={more.required ?? true}
      hint={more.hint}
    />
  );
  if (draft.kind === 'sftp') {
    return (
      <>
        <div class="offbox-machine">
          {field('host', t.host, { hint: t.hostHint })}
          {field('port', t.port)}
        </div>
        {field('user', t.user)}
        {field('path', t.path, { hint: t.pathHint })}
      </>
    );
  }
  return (
    <>
      {field('url', t.url, { hint: t.urlHint })}
      {draft.kind === 's3' && field('bucket', t.bucket)}
      {draft.kind === 's3' && field('prefix', t.prefix, { required: false })}
      {field('user', draft.kind === 's3' ? t.keyId : t.restUser, { required: draft.kind === 's3' })}
    </>
  );
}

function draftOf(target: Target | undefined): Draft {
  const nothing = { host: '', port: '22', user: '', path: '', url: '', bucket: '', prefix: '' };
  if (target === undefined || target.kind === 'folder') return { kind: 'sftp', ...nothing };
  const texts = Object.entries(target).map(([name, value]) => [name, String(value)]);
  return { ...nothing, ...Object.fromEntries(texts), kind: target.kind };
}

function targetOf({ kind, host, port, user, path, url, bucket, prefix }: Draft): Target {
  if (kind === 'sftp') return { kind, host: host.trim(), port: Number(port), user: user.trim(), path: path.trim() };
  const named = user.trim() === '' ? {} : { user: user.trim() };
  if (kind === 'rest') return { kind, url: url.trim(), ...named };
  const inside = prefix.trim() === '' ? {} : { prefix: prefix.trim() };
  return { kind, url: url.trim(), bucket: bucket.trim(), user: user.trim(), ...inside };
}

/** As the console takes it, with what else it asks for. */
export function commandFor(target: Target): string {
  const end = '--password-stdin';
  switch (target.kind) {
    case 'sftp': {
      const path = target.path.startsWith('/') ? target.path : `/~/${target.path}`;
      return `sftp://${target.user}@${target.host}:${target.port}${path} ${end}`;
    }
    case 'rest':
      return `rest:${withUser(target.url, target.user)} ${end}${target.user === undefined ? '' : ' --secret-stdin'}`;
    case 's3': {
      const inside = [target.bucket, ...(target.prefix === undefined ? [] : [target.prefix])].join('/');
      return `s3:${withUser(target.url, target.user).replace(/\/$/, '')}/${inside} ${end} --secret-stdin`;
    }
    case 'folder':
      return `${target.path} ${end}`;
  }
}

function withUser(text: string, user: string | undefined): string {
  const url = new URL(text);
  url.username = user ?? '';
  return url.href;
}

/** In a line, as people write it. */
export function placeOf(target: Target): string {
  switch (target.kind) {
    case 'sftp':
      return `${target.user}@${target.host}${target.port === 22 ? '' : `:${target.port}`}, ${target.path}`;
    case 'rest':
      return target.url;
    case 's3':
      return [target.url, target.bucket, ...(target.prefix === undefined ? [] : [target.prefix])].join('/');
    case 'folder':
      return target.path;
  }
}
