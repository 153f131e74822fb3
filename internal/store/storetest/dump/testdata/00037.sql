INSERT INTO first_use_reminders VALUES ('o1', 'u1', 1000, 1, 2000, 'a', true);
