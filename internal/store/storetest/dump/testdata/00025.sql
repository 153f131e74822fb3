INSERT INTO setup_records VALUES ('o1', 1, '{}');
INSERT INTO setup_acceptances VALUES ('o1', 'terms', '', '', '2026-01', 'ann@harbor.example', 1000, '192.0.2.7');
