INSERT INTO sites VALUES ('s2', 'o1', 1, 1000, 1000, 'boston', 'Boston', 'America/New_York', 'tn', 'none', '', 'ann@harbor.example', 1000);
INSERT INTO site_trunks VALUES ('o1', 's2', 0, 't1');
INSERT INTO psap_alternates VALUES ('p1', 0, 'p2', 'an agreement', 0);
UPDATE psaps SET countries = '["US"]', languages = '["en"]' WHERE id = 'p2';
