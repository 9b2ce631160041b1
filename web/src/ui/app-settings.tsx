import { connect as t } from '../text/en/connect.ts';
import type { Guide, GuideSetting } from '../text/en/connect-guides.ts';
import './app-settings.css';

/** The four settings of an app: drawn as on a phone's screen, and in words with their reasons. */
export function AppSettings({ guide }: { guide: Guide }) {
  return (
    <section class="card settings-card" aria-labelledby="four-settings">
      <div class="settings-words">
        <h2 class="head" id="four-settings">
          {t.settingsTitle}
        </h2>
        <p class="second">{guide.where}</p>
        <ol class="settings-list">
          {guide.settings.map((setting, index) => (
            <li key={setting.name}>
              <span class="number" aria-hidden="true">
                {index + 1}
              </span>
              <div>
                <p class="settings-name">
                  <span class="strong">{setting.name}</span>
                  <span class="settings-value">{valueWords(setting)}</span>
                </p>
                <p class="cap">{setting.why}</p>
              </div>
            </li>
          ))}
        </ol>
        {guide.by !== 'command' && <p class="cap">{t.settingsText}</p>}
      </div>
      <Drawing guide={guide} />
    </section>
  );
}

/** In a few lines, for a page that is about something else as well. */
export function AppSettingsShort({ guide }: { guide: Guide }) {
  return (
    <section class="settings-short" aria-labelledby="four-settings">
      <h2 class="head" id="four-settings">
        {t.settingsTitle}
      </h2>
      <dl class="card">
        {guide.settings.map((setting) => (
          <div key={setting.name}>
            <dt>{setting.name}</dt>
            <dd class="strong">{valueWords(setting)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function valueWords({ value }: GuideSetting): string {
  if (value === 'on') return t.on;
  return value === 'off' ? t.off : value.says;
}

/** No app’s own look: a phone of ours, with the four numbers where the list has them. */
function Drawing({ guide }: { guide: Guide }) {
  return (
    <div class="drawn" aria-hidden="true">
      <div class="drawn-phone">
        <span class="drawn-eye" />
        <p class="drawn-title">{guide.screen}</p>
        <div class="drawn-rows">
          {guide.settings.map(({ name, value }, index) => (
            <div key={name} class="drawn-row">
              <span class="number">{index + 1}</span>
              <span class="drawn-name">{name}</span>
              {typeof value === 'string' ? (
                <span class={`drawn-switch ${value}`} />
              ) : (
                <span class="drawn-value">{value.says}</span>
              )}
            </div>
          ))}
        </div>
        <span class="drawn-line" />
        <span class="drawn-line short" />
      </div>
    </div>
  );
}
