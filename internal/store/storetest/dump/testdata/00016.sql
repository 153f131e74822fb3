UPDATE users SET language = 'es' WHERE id = 'u1';
UPDATE buildings SET square_feet = 52000 WHERE id = 'b1';
