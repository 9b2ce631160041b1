import { render } from 'preact';
import { App } from './app.tsx';
import { keepTheApp } from './offline.ts';
import './ui/base.css';

const place = document.getElementById('app');
if (place !== null) render(<App />, place);
keepTheApp();
