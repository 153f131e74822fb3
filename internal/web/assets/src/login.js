// A person who opened the link need not press the button; programs that look at
// links in messages do not run this.
document.getElementById('signin').submit();
