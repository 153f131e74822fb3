INSERT INTO users VALUES ('u2', 'o1', 1, 1000, 1000, 's2', 'back', 'Back office', '', '', '', 'member', '+16175550121');
UPDATE sites SET main_number = '+16175550101', ecbn_choice = 'member', areas = '[{"key":"lab","locations":["l1"],"ecbn":"+16175550102"}]', esa = 'l1' WHERE id = 's1';
UPDATE numbers SET status = 'active', owner = 'user' WHERE id = 'n1';
