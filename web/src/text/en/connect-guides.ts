/** `on`, `off`: a switch; else the value in words. */
export type GuideSetting = Readonly<{ name: string; value: 'on' | 'off' | { says: string }; why: string }>;
export type Guide = Readonly<{
  title: string;
  /** In the list of apps. */
  name: string;
  text: string;
  lead: string;
  by: 'nextcloud' | 'webdav' | 'command';
  /** What stands at the top of the app’s own page with the settings. */
  screen: string;
  where: string;
  settings: readonly [GuideSetting, GuideSetting, GuideSetting, GuideSetting];
  wont: readonly string[];
}>;
/** A line to be typed, and what it does. */
export type Command = Readonly<{ what: string; line: string; hint?: string }>;

const appsAlone =
  'If its last piece would be one single byte, an Android app never sends it: such a video stays unfinished. That is rare.';
const opensAgain = 'After the box’s certificate was renewed, an app may ask once whether it may trust it. Say yes.';

const nextcloudAndroid: Guide = {
  title: 'The Nextcloud app on Android',
  name: 'Nextcloud, on Android',
  text: 'Sends photos and videos by itself, also large ones.',
  lead: 'Nightjar works with the Nextcloud app. It is no Nextcloud: of that app only files and auto upload do anything here.',
  by: 'nextcloud',
  screen: 'Auto upload',
  where: 'In the app: the menu, Settings, Auto upload. Tap the cloud beside Camera, then the three dots.',
  settings: [
    {
      name: 'Auto upload of Camera',
      value: 'on',
      why: 'Also of every other folder with photos that matter: Screenshots, Movies.',
    },
    {
      name: 'Only upload on unmetered Wi-Fi',
      value: 'on',
      why: 'With “Only upload when charging” it becomes a nightly backup.',
    },
    {
      name: 'Also upload existing files',
      value: 'on',
      why: 'Otherwise only what you take from now on comes. Nothing is kept twice.',
    },
    {
      name: 'What to do if the file already exists?',
      value: { says: 'Rename' },
      why: 'A name says nothing about a photo. The box sees by itself what it has.',
    },
  ],
  wont: [
    'Android puts apps to sleep. In Android’s settings, under Apps, set Nextcloud to “Unrestricted” battery use; some makers have a second list of sleeping apps.',
    'It looks for new photos about every 15 minutes, not at once.',
    appsAlone,
    opensAgain,
  ],
};

const nextcloudIos: Guide = {
  title: 'The Nextcloud app on iPhone',
  name: 'Nextcloud, on iPhone and iPad',
  text: 'Sends photos and videos by itself, when iOS lets it.',
  lead: 'Nightjar works with the Nextcloud app. It is no Nextcloud: of that app only files and auto upload do anything here.',
  by: 'nextcloud',
  screen: 'Auto upload',
  where: 'In the app: More, Settings, Auto upload. Allow it all photos when iOS asks, then start it.',
  settings: [
    { name: 'Auto upload', value: 'on', why: 'With access to all photos, not to a selection.' },
    { name: 'Photos and videos', value: { says: 'Both' }, why: 'Two switches, one under the other.' },
    { name: 'Only use Wi-Fi connection', value: 'on', why: 'One switch for photos, one for videos.' },
    {
      name: 'Older photos',
      value: { says: 'All' },
      why: 'The whole library, not only new photos. Nothing is kept twice.',
    },
  ],
  wont: [
    'Files of more than 100 MB are sent only while the app is open. Open it now and then while the phone charges; the box tells you when some wait.',
    'iOS decides when an app may work unseen. It stops in Low Power Mode, and after you swipe the app away.',
    'Background App Refresh has to be on for it: Settings, General, Background App Refresh.',
    opensAgain,
  ],
};

const photosync: Guide = {
  title: 'PhotoSync',
  name: 'PhotoSync',
  text: 'iPhone and Android, by WebDAV.',
  lead: 'PhotoSync sends to the box by WebDAV, as to any such server.',
  by: 'webdav',
  screen: 'PhotoSync',
  where: 'In the app: Settings, Configure, WebDAV, with what stands above. Then the settings of that target.',
  settings: [
    { name: 'Use SSL (https)', value: 'on', why: 'The box takes a password over nothing else.' },
    {
      name: 'Quality of photos and videos',
      value: { says: 'Original' },
      why: 'Anything else sends a smaller copy, and the original is lost with the phone.',
    },
    { name: 'Autotransfer', value: { says: 'Charging' }, why: 'With WebDAV as its target, on Wi-Fi only.' },
    { name: 'Delete after transfer', value: 'off', why: 'First let the box say what is safe to remove.' },
  ],
  wont: [
    'On an iPhone it works unseen only when iOS wakes it, and not for long. Large videos need the app open.',
    'On Android set it to “Unrestricted” battery use, in Android’s settings under Apps.',
    'It does not tell the box what it still holds: the box can only say what came in.',
  ],
};

const foldersync: Guide = {
  title: 'FolderSync',
  name: 'FolderSync',
  text: 'Android, by WebDAV, at an hour of your choice.',
  lead: 'FolderSync sends folders of an Android phone to the box by WebDAV, as to any such server.',
  by: 'webdav',
  screen: 'Folder pair',
  where: 'In the app: Accounts, add WebDAV, with what stands above. Then a folder pair: DCIM to that account.',
  settings: [
    {
      name: 'Sync type',
      value: { says: 'To the box' },
      why: '“To right folder”, or “To remote folder”, with the box on that side. Never two-way.',
    },
    { name: 'Sync sub-folders', value: 'on', why: 'Camera, Screenshots and the rest are folders in DCIM.' },
    {
      name: 'Sync deletions',
      value: 'off',
      why: 'The box removes no original for an app; it would only vanish from the app’s own list.',
    },
    { name: 'Schedule', value: { says: 'Daily' }, why: 'At night, on Wi-Fi, while it charges.' },
  ],
  wont: [
    'Android puts apps to sleep. In Android’s settings, under Apps, set FolderSync to “Unrestricted” battery use.',
    'A video that breaks off begins anew: by plain WebDAV nothing goes on in the middle.',
    'It does not tell the box what it still holds: the box can only say what came in.',
  ],
};

const webdav: Guide = {
  title: 'Any WebDAV client',
  name: 'Any WebDAV client',
  text: 'A computer or a phone; rclone as the example.',
  lead: 'Whatever speaks WebDAV can add files. What it sees is one phone’s own view: give each device a password of its own.',
  by: 'webdav',
  screen: 'WebDAV',
  where: 'By whatever name your client has for them.',
  settings: [
    { name: 'Direction', value: { says: 'Upload' }, why: 'A copy to the box, not a mirror in both directions.' },
    {
      name: 'Delete on the server',
      value: 'off',
      why: 'No app can remove an original; it would only vanish from the client’s own list.',
    },
    { name: 'Schedule', value: { says: 'Nightly' }, why: 'A backup that somebody has to start is none.' },
    { name: 'Checksums', value: 'on', why: 'The box checks what the client says, and says them again.' },
  ],
  wont: [
    'A file that breaks off begins anew, unless the client sends large files in parts as Nextcloud’s do.',
    'The client has to trust the box’s certificate: rclone takes the file nightjar-root.pem.',
    'It does not tell the box what it still holds: the box can only say what came in.',
  ],
};

const termux: Guide = {
  title: 'nightjar-phone, in Termux',
  name: 'nightjar-phone, in Termux',
  text: 'Android, without an app of somebody else. For those who type.',
  lead: 'The box’s own client. It tells the box what still waits, so that “all safe” can be said, and goes on where it broke off.',
  by: 'command',
  screen: 'Termux',
  where: 'In Android’s settings, and in the line with which Android starts it.',
  settings: [
    {
      name: 'Battery use of Termux and Termux:API',
      value: { says: 'Unrestricted' },
      why: 'Android’s settings, Apps. Some makers have a second list of sleeping apps; take both off it.',
    },
    { name: 'Only while charging', value: 'on', why: '--charging true in the last line above.' },
    { name: 'Only on a network that costs nothing', value: 'on', why: '--network unmetered.' },
    { name: 'Also after a restart', value: 'on', why: '--persisted true.' },
  ],
  wont: [
    'Android starts the job at most every six hours, and only on a network that reaches the internet, though the backup does not need it.',
    'Termux and Termux:API have to come from one place, both from F-Droid or both from GitHub.',
    'It joins as a phone of its own: its invitation is another one than this page’s.',
  ],
};

export const guides = {
  'nextcloud-android': nextcloudAndroid,
  'nextcloud-ios': nextcloudIos,
  photosync,
  foldersync,
  webdav,
  termux,
} as const satisfies Readonly<Record<string, Guide>>;
export type GuideName = keyof typeof guides;

/** Also on the page /install, which has them for other systems too; a test holds them together. */
export const termuxCommands: readonly Command[] = [
  {
    what: 'Install what it needs, and let Termux read your photos',
    line: 'pkg install nodejs-lts termux-api && termux-setup-storage',
  },
  {
    what: 'Install it from the downloads',
    line: 'npm i -g ~/storage/downloads/nightjar-phone.tgz',
  },
  {
    what: 'Pair it, with the link of an invitation',
    line: "nightjar-phone pair 'THE LINK'",
    hint: 'Open the invitation in a browser: the page shows this command with its link.',
  },
  {
    what: 'Write the script for the night',
    line: `cat > ~/nightjar-night.sh <<'END'
#!/data/data/com.termux/files/usr/bin/sh
# Awake until it is done. Node by its name: a job may find no "env".
termux-wake-lock
node "$PREFIX/bin/nightjar-phone" backup --expect 24 \\
  "$HOME/storage/dcim" "$HOME/storage/pictures" \\
  > "$HOME/nightjar-night.log" 2>&1
termux-wake-unlock
END
chmod +x ~/nightjar-night.sh`,
    hint: '“--expect 24” tells the box that this phone means to come again within 24 hours.',
  },
  {
    what: 'Try it once; the first time takes long',
    line: '~/nightjar-night.sh; tail -n 20 ~/nightjar-night.log',
  },
  {
    what: 'Have Android start it',
    line: 'termux-job-scheduler --job-id 1 --script ~/nightjar-night.sh --period-ms 21600000 --charging true --network unmetered --persisted true',
    hint: 'The same command with --pending and nothing else shows it; with --cancel --job-id 1, it ends it.',
  },
];

/** What the guide for commands says beside them. */
export const commandWords = {
  getClient: 'Download nightjar-phone.tgz',
  invite: 'Make an invitation',
  otherSystems: 'Linux and Mac',
  rcloneTitle: 'For example rclone',
  rcloneGet: 'Get the box’s certificate, nightjar-root.pem',
  rcloneHint: 'It waits for the password: paste it, Enter, then Ctrl-D. So it is in no history of the shell.',
  rclone: (url: string, user: string): readonly Command[] => [
    {
      what: 'Tell rclone of the box',
      line: `rclone config create nightjar webdav url='${url}' vendor=nextcloud user='${user}' --obscure pass="$(cat)"`,
    },
    { what: 'Send what is new', line: 'rclone copy --ca-cert nightjar-root.pem ~/Pictures nightjar:Pictures' },
    {
      what: 'Compare both sides by their checksums',
      line: 'rclone check --ca-cert nightjar-root.pem ~/Pictures nightjar:Pictures',
    },
  ],
  urlPlace: 'ADDRESS',
  userPlace: 'USER',
} as const;
