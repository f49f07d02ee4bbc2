var Oe,A,kn,nn,ae,wn,Mn,$n,Xe,Ie,we,Tn,tn,Ze,en,Mt,Ne={},Le=[],$t=/acit|ex(?:s|g|n|p|$)|rph|grid|ows|mnc|ntw|ine[ch]|zoo|^ord|itera/i,qe=Array.isArray;function te(e,n){for(var t in n)e[t]=n[t];return e}function on(e){e&&e.parentNode&&e.parentNode.removeChild(e)}function rn(e,n,t){var o,i,r,s={};for(r in n)r=="key"?o=n[r]:r=="ref"?i=n[r]:s[r]=n[r];if(arguments.length>2&&(s.children=arguments.length>3?Oe.call(arguments,2):t),typeof e=="function"&&e.defaultProps!=null)for(r in e.defaultProps)s[r]===void 0&&(s[r]=e.defaultProps[r]);return Re(e,s,o,i,null)}function Re(e,n,t,o,i){var r={type:e,props:n,key:t,ref:o,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:i??++kn,__i:-1,__u:0};return i==null&&A.vnode!=null&&A.vnode(r),r}function Q(e){return e.children}function me(e,n){this.props=e,this.context=n}function ue(e,n){if(n==null)return e.__?ue(e.__,e.__i+1):null;for(var t;n<e.__k.length;n++)if((t=e.__k[n])!=null&&t.__e!=null)return t.__e;return typeof e.type=="function"?ue(e):null}function Tt(e){if(e.__P&&e.__d){var n=e.__v,t=n.__e,o=[],i=[],r=te({},n);r.__v=n.__v+1,A.vnode&&A.vnode(r),an(e.__P,r,n,e.__n,e.__P.namespaceURI,32&n.__u?[t]:null,o,t??ue(n),!!(32&n.__u),i),r.__v=n.__v,r.__.__k[r.__i]=r,Rn(o,r,i),n.__e=n.__=null,r.__e!=t&&Pn(r)}}function Pn(e){if((e=e.__)!=null&&e.__c!=null)return e.__e=e.__c.base=null,e.__k.some(function(n){if(n!=null&&n.__e!=null)return e.__e=e.__c.base=n.__e}),Pn(e)}function xn(e){(!e.__d&&(e.__d=!0)&&ae.push(e)&&!De.__r++||wn!=A.debounceRendering)&&((wn=A.debounceRendering)||Mn)(De)}function De(){try{for(var e,n=1;ae.length;)ae.length>n&&ae.sort($n),e=ae.shift(),n=ae.length,Tt(e)}finally{ae.length=De.__r=0}}function Cn(e,n,t,o,i,r,s,u,d,c,f){var p,a,l,E,S,v,y=o&&o.__k||Le,h=n.length;for(d=Pt(t,n,y,d,h),p=0;p<h;p++)(l=t.__k[p])!=null&&(a=l.__i!=-1&&y[l.__i]||Ne,l.__i=p,v=an(e,l,a,i,r,s,u,d,c,f),E=l.__e,l.ref&&a.ref!=l.ref&&(a.ref&&sn(a.ref,null,l),f.push(l.ref,l.__c||E,l)),S==null&&E!=null&&(S=E),4&l.__u?(d=An(l,d,e),a.__e&&(a.__e=null)):typeof l.type=="function"&&v!==void 0?d=v:E&&(d=E.nextSibling),l.__u&=-7);return t.__e=S,d}function Pt(e,n,t,o,i){var r,s,u,d,c,f=t.length,p=f,a=0;for(e.__k=new Array(i),r=0;r<i;r++)(s=n[r])!=null&&typeof s!="boolean"&&typeof s!="function"?(typeof s=="string"||typeof s=="number"||typeof s=="bigint"||s.constructor==String?s=e.__k[r]=Re(null,s,null,null,null):qe(s)?s=e.__k[r]=Re(Q,{children:s},null,null,null):s.constructor===void 0&&s.__b>0?s=e.__k[r]=Re(s.type,s.props,s.key,s.ref?s.ref:null,s.__v):e.__k[r]=s,d=r+a,s.__=e,s.__b=e.__b+1,u=null,(c=s.__i=Ct(s,t,d,p))!=-1&&(p--,(u=t[c])&&(u.__u|=2)),u==null||u.__v==null?(c==-1&&(i>f?a--:i<f&&a++),typeof s.type!="function"&&(s.__u|=4)):c!=d&&(c==d-1?a--:c==d+1?a++:(c>d?a--:a++,s.__u|=4))):e.__k[r]=null;if(p)for(r=0;r<f;r++)(u=t[r])!=null&&(2&u.__u)==0&&(u.__e==o&&(o=ue(u)),Ln(u,u));return o}function An(e,n,t){var o,i;if(typeof e.type=="function"){for(o=e.__k,i=0;o&&i<o.length;i++)o[i]&&(o[i].__=e,n=An(o[i],n,t));return n}e.__e!=n&&(n&&e.type&&!n.parentNode&&(n=ue(e)),n=t.insertBefore(e.__e,n||null));do n=n&&n.nextSibling;while(n!=null&&n.nodeType==8);return n}function Ct(e,n,t,o){var i,r,s,u=e.key,d=e.type,c=n[t],f=c!=null&&(2&c.__u)==0;if(c===null&&u==null||f&&u==c.key&&d==c.type)return t;if(o>(f?1:0)){for(i=t-1,r=t+1;i>=0||r<n.length;)if((c=n[s=i>=0?i--:r++])!=null&&(2&c.__u)==0&&u==c.key&&d==c.type)return s}return-1}function Sn(e,n,t){n[0]=="-"?e.setProperty(n,t??""):e[n]=t==null?"":typeof t!="number"||$t.test(n)?t:t+"px"}function Ae(e,n,t,o,i){var r,s;e:if(n=="style")if(typeof t=="string")e.style.cssText=t;else{if(typeof o=="string"&&(e.style.cssText=o=""),o)for(n in o)t&&n in t||Sn(e.style,n,"");if(t)for(n in t)o&&t[n]==o[n]||Sn(e.style,n,t[n])}else if(n[0]=="o"&&n[1]=="n")r=n!=(n=n.replace(Tn,"$1")),s=n.toLowerCase(),n=s in e||n=="onFocusOut"||n=="onFocusIn"?s.slice(2):n.slice(2),e.l||(e.l={}),e.l[n+r]=t,t?o?t[we]=o[we]:(t[we]=tn,e.addEventListener(n,r?en:Ze,r)):e.removeEventListener(n,r?en:Ze,r);else{if(i=="http://www.w3.org/2000/svg")n=n.replace(/xlink(H|:h)/,"h").replace(/sName$/,"s");else if(n!="width"&&n!="height"&&n!="href"&&n!="list"&&n!="form"&&n!="tabIndex"&&n!="download"&&n!="rowSpan"&&n!="colSpan"&&n!="role"&&n!="popover"&&n in e)try{e[n]=t??"";break e}catch{}typeof t=="function"||(t==null||t===!1&&n[4]!="-"?e.removeAttribute(n):e.setAttribute(n,n=="popover"&&t==1?"":t))}}function En(e){return function(n){if(this.l){var t=this.l[n.type+e];if(n[Ie]==null)n[Ie]=tn++;else if(n[Ie]<t[we])return;return t(A.event?A.event(n):n)}}}function an(e,n,t,o,i,r,s,u,d,c){var f,p,a,l,E,S,v,y,h,m,R,j,H,M,I,x,b=n.type;if(n.constructor!==void 0)return null;128&t.__u&&(d=!!(32&t.__u),r=[u=n.__e=t.__e]),(f=A.__b)&&f(n);e:if(typeof b=="function"){p=s.length;try{if(h=n.props,m=b.prototype&&b.prototype.render,R=(f=b.contextType)&&o[f.__c],j=f?R?R.props.value:f.__:o,t.__c?y=(a=n.__c=t.__c).__=a.__E:(m?n.__c=a=new b(h,j):(n.__c=a=new me(h,j),a.constructor=b,a.render=It),R&&R.sub(a),a.state||(a.state={}),a.__n=o,l=a.__d=!0,a.__h=[],a._sb=[]),m&&a.__s==null&&(a.__s=a.state),m&&b.getDerivedStateFromProps!=null&&(a.__s==a.state&&(a.__s=te({},a.__s)),te(a.__s,b.getDerivedStateFromProps(h,a.__s))),E=a.props,S=a.state,a.__v=n,l)m&&b.getDerivedStateFromProps==null&&a.componentWillMount!=null&&a.componentWillMount(),m&&a.componentDidMount!=null&&a.__h.push(a.componentDidMount);else{if(m&&b.getDerivedStateFromProps==null&&h!==E&&a.componentWillReceiveProps!=null&&a.componentWillReceiveProps(h,j),n.__v==t.__v||!a.__e&&a.shouldComponentUpdate!=null&&a.shouldComponentUpdate(h,a.__s,j)===!1){n.__v!=t.__v&&(a.props=h,a.state=a.__s,a.__d=!1),n.__e=t.__e,n.__k=t.__k,n.__k.some(function(B){B&&(B.__=n)}),Le.push.apply(a.__h,a._sb),a._sb=[],a.__h.length&&s.push(a),u=ue(t);break e}a.componentWillUpdate!=null&&a.componentWillUpdate(h,a.__s,j),m&&a.componentDidUpdate!=null&&a.__h.push(function(){a.componentDidUpdate(E,S,v)})}if(a.context=j,a.props=h,a.__P=e,a.__e=!1,H=A.__r,M=0,m)a.state=a.__s,a.__d=!1,H&&H(n),f=a.render(a.props,a.state,a.context),Le.push.apply(a.__h,a._sb),a._sb=[];else do a.__d=!1,H&&H(n),f=a.render(a.props,a.state,a.context),a.state=a.__s;while(a.__d&&++M<25);a.state=a.__s,a.getChildContext!=null&&(o=te(te({},o),a.getChildContext())),m&&!l&&a.getSnapshotBeforeUpdate!=null&&(v=a.getSnapshotBeforeUpdate(E,S)),I=f!=null&&f.type===Q&&f.key==null?Nn(f.props.children):f,u=Cn(e,qe(I)?I:[I],n,t,o,i,r,s,u,d,c),a.base=n.__e,n.__u&=-161,a.__h.length&&s.push(a),y&&(a.__E=a.__=null)}catch(B){if(s.length=p,n.__v=null,d||r!=null){if(B.then){for(n.__u|=d?160:128;u&&u.nodeType==8&&u.nextSibling;)u=u.nextSibling;r!=null&&(r[r.indexOf(u)]=null),n.__e=u}else if(r!=null)for(x=r.length;x--;)on(r[x])}else n.__e=t.__e;n.__k==null&&(n.__k=t.__k||[]),B.then||In(n),A.__e(B,n,t)}}else r==null&&n.__v==t.__v?(n.__k=t.__k,n.__e=t.__e):u=n.__e=At(t.__e,n,t,o,i,r,s,d,c);return(f=A.diffed)&&f(n),128&n.__u?void 0:u}function In(e){e&&(e.__c&&(e.__c.__e=!0),e.__k&&e.__k.some(In))}function Rn(e,n,t){for(var o=0;o<t.length;o++)sn(t[o],t[++o],t[++o]);A.__c&&A.__c(n,e),e.some(function(i){try{e=i.__h,i.__h=[],e.some(function(r){r.call(i)})}catch(r){A.__e(r,i.__v)}})}function Nn(e){return typeof e!="object"||e==null||e.__b>0?e:qe(e)?e.map(Nn):e.constructor!==void 0?null:te({},e)}function At(e,n,t,o,i,r,s,u,d){var c,f,p,a,l,E,S,v=t.props||Ne,y=n.props,h=n.type;if(h=="svg"?i="http://www.w3.org/2000/svg":h=="math"?i="http://www.w3.org/1998/Math/MathML":i||(i="http://www.w3.org/1999/xhtml"),r!=null){for(c=0;c<r.length;c++)if((l=r[c])&&"setAttribute"in l==!!h&&(h?l.localName==h:l.nodeType==3)){e=l,r[c]=null;break}}if(e==null){if(h==null)return document.createTextNode(y);e=document.createElementNS(i,h,y.is&&y),u&&(A.__m&&A.__m(n,r),u=!1),r=null}if(h==null)v===y||u&&e.data==y||(e.data=y);else{if(r=h=="textarea"&&y.defaultValue!=null?null:r&&Oe.call(e.childNodes),!u&&r!=null)for(v={},c=0;c<e.attributes.length;c++)v[(l=e.attributes[c]).name]=l.value;for(c in v)l=v[c],c=="dangerouslySetInnerHTML"?p=l:c=="children"||c in y||c=="value"&&"defaultValue"in y||c=="checked"&&"defaultChecked"in y||Ae(e,c,null,l,i);for(c in y)l=y[c],c=="children"?a=l:c=="dangerouslySetInnerHTML"?f=l:c=="value"?E=l:c=="checked"?S=l:u&&typeof l!="function"||v[c]===l||Ae(e,c,l,v[c],i);if(f)u||p&&(f.__html==p.__html||f.__html==e.innerHTML)||(e.innerHTML=f.__html),n.__k=[];else if(p&&(e.innerHTML=""),Cn(n.type=="template"?e.content:e,qe(a)?a:[a],n,t,o,h=="foreignObject"?"http://www.w3.org/1999/xhtml":i,r,s,r?r[0]:t.__k&&ue(t,0),u,d),r!=null)for(c=r.length;c--;)on(r[c]);u&&h!="textarea"||(c="value",h=="progress"&&E==null?e.removeAttribute("value"):E!=null&&(E!==e[c]||h=="progress"&&!E||h=="option"&&E!=v[c])&&Ae(e,c,E,v[c],i),c="checked",S!=null&&S!=e[c]&&Ae(e,c,S,v[c],i))}return e}function sn(e,n,t){try{if(typeof e=="function"){var o=typeof e.__u=="function";o&&e.__u(),o&&n==null||(e.__u=e(n))}else e.current=n}catch(i){A.__e(i,t)}}function Ln(e,n,t){var o,i;if(A.unmount&&A.unmount(e),(o=e.ref)&&(o.current&&o.current!=e.__e||sn(o,null,n)),(o=e.__c)!=null){if(o.componentWillUnmount)try{o.componentWillUnmount()}catch(r){A.__e(r,n)}o.base=o.__P=o.__n=null}if(o=e.__k)for(i=0;i<o.length;i++)o[i]&&Ln(o[i],n,t||typeof e.type!="function");t||on(e.__e),e.__c=e.__=e.__e=void 0}function It(e,n,t){return this.constructor(e,t)}function ho(e,n,t){var o,i,r,s;n==document&&(n=document.documentElement),A.__&&A.__(e,n),i=(o=typeof t=="function")?null:t&&t.__k||n.__k,r=[],s=[],an(n,e=(!o&&t||n).__k=rn(Q,null,[e]),i||Ne,Ne,n.namespaceURI,!o&&t?[t]:i?null:n.firstChild?Oe.call(n.childNodes):null,r,!o&&t?t:i?i.__e:n.firstChild,o,s),Rn(r,e,s),e.props.children=null}Oe=Le.slice,A={__e:function(e,n,t,o){for(var i,r,s;n=n.__;)if((i=n.__c)&&!i.__)try{if((r=i.constructor)&&r.getDerivedStateFromError!=null&&(i.setState(r.getDerivedStateFromError(e)),s=i.__d),i.componentDidCatch!=null&&(i.componentDidCatch(e,o||{}),s=i.__d),s)return i.__E=i}catch(u){e=u}throw e}},kn=0,nn=function(e){return e!=null&&e.constructor===void 0},me.prototype.setState=function(e,n){var t;t=this.__s!=null&&this.__s!=this.state?this.__s:this.__s=te({},this.state),typeof e=="function"&&(e=e(te({},t),this.props)),e&&te(t,e),e!=null&&this.__v&&(n&&this._sb.push(n),xn(this))},me.prototype.forceUpdate=function(e){this.__v&&(this.__e=!0,e&&this.__h.push(e),xn(this))},me.prototype.render=Q,ae=[],Mn=typeof Promise=="function"?Promise.prototype.then.bind(Promise.resolve()):setTimeout,$n=function(e,n){return e.__v.__b-n.__v.__b},De.__r=0,Xe=Math.random().toString(8),Ie="__d"+Xe,we="__a"+Xe,Tn=/(PointerCapture)$|Capture$/i,tn=0,Ze=En(!1),en=En(!0),Mt=0;var Rt=0,go=Array.isArray;function P(e,n,t,o,i,r){n||(n={});var s,u,d=n;if("ref"in d)for(u in d={},n)u=="ref"?s=n[u]:d[u]=n[u];var c={type:e,props:d,key:t,ref:s,__k:null,__:null,__b:0,__e:null,__c:null,constructor:void 0,__v:--Rt,__i:-1,__u:0,__source:i,__self:r};if(typeof e=="function"&&(s=e.defaultProps))for(u in s)d[u]===void 0&&(d[u]=s[u]);return A.vnode&&A.vnode(c),c}var xe,F,cn,Dn,Se=0,Gn=[],W=A,On=W.__b,qn=W.__r,Un=W.diffed,Fn=W.__c,jn=W.unmount,Bn=W.__;function dn(e,n){W.__h&&W.__h(F,e,Se||n),Se=0;var t=F.__H||(F.__H={__:[],__h:[]});return e>=t.__.length&&t.__.push({}),t.__[e]}function Z(e){return Se=1,Nt(Kn,e)}function Nt(e,n,t){var o=dn(xe++,2);if(o.t=e,!o.__c&&(o.__=[t?t(n):Kn(void 0,n),function(u){var d=o.__N?o.__N[0]:o.__[0],c=o.t(d,u);d!==c&&(o.__N=[c,o.__[1]],o.__c.setState({}))}],o.__c=F,!F.__f)){var i=function(u,d,c){if(!o.__c.__H)return!0;var f=!1,p=o.__c.props!==u;if(o.__c.__H.__.some(function(l){if(l.__N){f=!0;var E=l.__[0];l.__=l.__N,l.__N=void 0,E!==l.__[0]&&(p=!0)}}),r){var a=r.call(this,u,d,c);return f?a||p:a}return!f||p};F.__f=!0;var r=F.shouldComponentUpdate,s=F.componentWillUpdate;F.componentWillUpdate=function(u,d,c){if(this.__e){var f=r;r=void 0,i(u,d,c),r=f}s&&s.call(this,u,d,c)},F.shouldComponentUpdate=i}return o.__N||o.__}function X(e,n){var t=dn(xe++,3);!W.__s&&Jn(t.__H,n)&&(t.__=e,t.u=n,F.__H.__h.push(t))}function ee(e){return Se=5,Ee(function(){return{current:e}},[])}function Ee(e,n){var t=dn(xe++,7);return Jn(t.__H,n)&&(t.__=e(),t.__H=n,t.__h=e),t.__}function Hn(e,n){return Se=8,Ee(function(){return e},n)}function Lt(){for(var e;e=Gn.shift();){var n=e.__H;if(e.__P&&n)try{n.__h.some(Ue),n.__h.some(un),n.__h=[]}catch(t){n.__h=[],W.__e(t,e.__v)}}}W.__b=function(e){F=null,On&&On(e)},W.__=function(e,n){e&&n.__k&&n.__k.__m&&(e.__m=n.__k.__m),Bn&&Bn(e,n)},W.__r=function(e){qn&&qn(e),xe=0;var n=(F=e.__c).__H;n&&(cn===F?(n.__h=[],F.__h=[],n.__.some(function(t){t.__N&&(t.__=t.__N),t.u=t.__N=void 0})):(n.__h.some(Ue),n.__h.some(un),n.__h=[],xe=0)),cn=F},W.diffed=function(e){Un&&Un(e);var n=e.__c;n&&n.__H&&(n.__H.__h.length&&(Gn.push(n)!==1&&Dn===W.requestAnimationFrame||((Dn=W.requestAnimationFrame)||Dt)(Lt)),n.__H.__.some(function(t){t.u&&(t.__H=t.u,t.u=void 0)})),cn=F=null},W.__c=function(e,n){n.some(function(t){try{t.__h.some(Ue),t.__h=t.__h.filter(function(o){return!o.__||un(o)})}catch(o){n.some(function(i){i.__h&&(i.__h=[])}),n=[],W.__e(o,t.__v)}}),Fn&&Fn(e,n)},W.unmount=function(e){jn&&jn(e);var n,t=e.__c;t&&t.__H&&(t.__H.__.some(function(o){try{Ue(o)}catch(i){n=i}}),t.__H=void 0,n&&W.__e(n,t.__v))};var Wn=typeof requestAnimationFrame=="function";function Dt(e){var n,t=function(){clearTimeout(o),Wn&&cancelAnimationFrame(n),setTimeout(e)},o=setTimeout(t,35);Wn&&(n=requestAnimationFrame(t))}function Ue(e){var n=F,t=e.__c;typeof t=="function"&&(e.__c=void 0,t()),F=n}function un(e){var n=F;e.__c=e.__(),F=n}function Jn(e,n){return!e||e.length!==n.length||n.some(function(t,o){return t!==e[o]})}function Kn(e,n){return typeof n=="function"?n(e):n}var Ot=Symbol.for("preact-signals");function We(){if(oe>1)oe--;else{var e,n=!1;for(function(){var i=je;for(je=void 0;i!==void 0;){var r=i.S;if(r.v===i.v)for(var s=r.t;s!==void 0;s=s.x)s.i===i.i&&(s.i=r.i);i=i.o}}();Me!==void 0;){var t=Me;for(Me=void 0,Fe++;t!==void 0;){var o=t.u;if(t.u=void 0,t.f&=-3,!(8&t.f)&&zn(t))try{t.c()}catch(i){n||(e=i,n=!0)}t=o}}if(Fe=0,oe--,n)throw e}}function fn(e){if(oe>0)return e();ln=++qt,oe++;try{return e()}finally{We()}}var ke,L=void 0;function $e(e){var n=L,t=ke;L=void 0,ke=void 0;try{return e()}finally{L=n,ke=t}}var Me=void 0,oe=0,Fe=0,qt=0,ln=0,je=void 0,Be=0;function Vn(e){if(L!==void 0){var n=e.n;if(n===void 0||n.t!==L)return n={i:0,S:e,p:L.s,n:void 0,t:L,e:void 0,x:void 0,r:n},L.s!==void 0&&(L.s.n=n),L.s=n,e.n=n,32&L.f&&e.S(n),n;if(n.i===-1)return n.i=0,n.n!==void 0&&(n.n.p=n.p,n.p!==void 0&&(n.p.n=n.n),n.p=L.s,n.n=void 0,L.s.n=n,L.s=n),n}}function G(e,n){this.v=e,this.i=0,this.n=void 0,this.t=void 0,this.l=0,this.W=n?.watched,this.Z=n?.unwatched,this.name=n?.name}G.prototype.brand=Ot;G.prototype.h=function(){return!0};G.prototype.S=function(e){var n=this,t=this.t;t!==e&&e.e===void 0&&(e.x=t,this.t=e,t!==void 0?t.e=e:$e(function(){var o;(o=n.W)==null||o.call(n)}))};G.prototype.U=function(e){var n=this;if(this.t!==void 0){var t=e.e,o=e.x;t!==void 0&&(t.x=o,e.e=void 0),o!==void 0&&(o.e=t,e.x=void 0),e===this.t&&(this.t=o,o===void 0&&$e(function(){var i;(i=n.Z)==null||i.call(n)}))}};G.prototype.subscribe=function(e){var n=this;return le(function(){var t=n.value;$e(function(){return e(t)})},{name:"sub"})};G.prototype.valueOf=function(){return this.value};G.prototype.toString=function(){return this.value+""};G.prototype.toJSON=function(){return this.value};G.prototype.peek=function(){var e=this;return $e(function(){return e.value})};Object.defineProperty(G.prototype,"value",{get:function(){var e=Vn(this);return e!==void 0&&(e.i=this.i),this.v},set:function(e){if(e!==this.v){if(Fe>100)throw new Error("Cycle detected");(function(t){oe!==0&&Fe===0&&t.l!==ln&&(t.l=ln,je={S:t,v:t.v,i:t.i,o:je})})(this),this.v=e,this.i++,Be++,oe++;try{for(var n=this.t;n!==void 0;n=n.x)n.t.N()}finally{We()}}}});function se(e,n){return new G(e,n)}function zn(e){for(var n=e.s;n!==void 0;n=n.n)if(n.S.i!==n.i||!n.S.h()||n.S.i!==n.i)return!0;return!1}function Yn(e){for(var n=e.s;n!==void 0;n=n.n){var t=n.S.n;if(t!==void 0&&(n.r=t),n.S.n=n,n.i=-1,n.n===void 0){e.s=n;break}}}function Qn(e){for(var n=e.s,t=void 0;n!==void 0;){var o=n.p;n.i===-1?(n.S.U(n),o!==void 0&&(o.n=n.n),n.n!==void 0&&(n.n.p=o)):t=n,n.S.n=n.r,n.r!==void 0&&(n.r=void 0),n=o}e.s=t}function de(e,n){G.call(this,void 0,n),this.x=e,this.s=void 0,this.g=Be-1,this.f=4}de.prototype=new G;de.prototype.h=function(){if(this.f&=-3,1&this.f)return!1;if((36&this.f)==32||(this.f&=-5,this.g===Be))return!0;if(this.g=Be,this.f|=1,this.i>0&&!zn(this))return this.f&=-2,!0;var e=L;try{Yn(this),L=this;var n=this.x();(16&this.f||this.v!==n||this.i===0)&&(this.v=n,this.f&=-17,this.i++)}catch(t){this.v=t,this.f|=16,this.i++}return L=e,Qn(this),this.f&=-2,!0};de.prototype.S=function(e){if(this.t===void 0){this.f|=36;for(var n=this.s;n!==void 0;n=n.n)n.S.S(n)}G.prototype.S.call(this,e)};de.prototype.U=function(e){if(this.t!==void 0&&(G.prototype.U.call(this,e),this.t===void 0)){this.f&=-33;for(var n=this.s;n!==void 0;n=n.n)n.S.U(n)}};de.prototype.N=function(){if(!(2&this.f)){this.f|=6;for(var e=this.t;e!==void 0;e=e.x)e.t.N()}};Object.defineProperty(de.prototype,"value",{get:function(){if(1&this.f)throw new Error("Cycle detected");var e=Vn(this);if(this.h(),e!==void 0&&(e.i=this.i),16&this.f)throw this.v;return this.v}});function Ge(e,n){return new de(e,n)}function Xn(e){var n=e.j;if(e.j=void 0,typeof n=="function"){oe++;var t=L;L=void 0;try{n()}catch(o){throw e.f&=-2,e.f|=8,pn(e),o}finally{L=t,We()}}}function pn(e){for(var n=e.s;n!==void 0;n=n.n)n.S.U(n);e.x=void 0,e.s=void 0,Xn(e)}function Ut(e){if(L!==this)throw new Error("Out-of-order effect");Qn(this),L=e,this.f&=-2;try{8&this.f&&pn(this)}finally{We()}}function ye(e,n){this.x=e,this.j=void 0,this.s=void 0,this.u=void 0,this.f=32,this.name=n?.name,ke&&ke.push(this)}ye.prototype.c=function(){var e=this.S();try{if(8&this.f||this.x===void 0)return;var n=this.x();typeof n=="function"&&(this.j=n)}finally{e()}};ye.prototype.S=function(){if(1&this.f)throw new Error("Cycle detected");this.f|=1,this.f&=-9,Xn(this),Yn(this),oe++;var e=L;return L=this,Ut.bind(this,e)};ye.prototype.N=function(){2&this.f||(this.f|=2,this.u=Me,Me=this)};ye.prototype.d=function(){this.f|=8,1&this.f||pn(this)};ye.prototype.dispose=function(){this.d()};function le(e,n){var t=new ye(e,n);try{t.c()}catch(i){throw t.d(),i}var o=t.d.bind(t);return o[Symbol.dispose]=o,o}var Zn,Je,He,Ft=typeof window<"u"&&!!window.__PREACT_SIGNALS_DEVTOOLS__;var et=[];le(function(){Zn=this.N})();function ge(e,n){A[e]=n.bind(null,A[e]||function(){})}function Te(e){if(He){var n=He;He=void 0,n()}He=e&&e.S()}function nt(e){var n=this,t=e.data,o=Bt(t);o.name="ReactiveDom",o.value=t;var i=Ee(function(){for(var u=n,d=n.__v;d=d.__;)if(d.__c){d.__c.__$f|=4;break}var c=Ge(function(){var l=o.value.value;return l===0?0:l===!0?"":l||""}),f=Ge(function(){return!Array.isArray(c.value)&&!nn(c.value)}),p=le(function(){if(this.N=tt,f.value){var l=c.value;u.__v&&u.__v.__e&&u.__v.__e.nodeType===3&&(u.__v.__e.data=l)}}),a=n.__$u.d;return n.__$u.d=function(){p(),a.call(this)},[f,c]},[]),r=i[0],s=i[1];return r.value?s.peek():s.value}nt.displayName="ReactiveTextNode";Object.defineProperties(G.prototype,{constructor:{configurable:!0,value:rn(Q,null).constructor},type:{configurable:!0,value:nt},props:{configurable:!0,get:function(){var e=this;return{data:{get value(){return e.value}}}}},__b:{configurable:!0,value:1}});ge("__b",function(e,n){if(Te(),Je=void 0,typeof n.type=="string"){var t,o=n.props;for(var i in o)if(i!=="children"){var r=o[i];r instanceof G&&(t||(n.__np=t={}),t[i]=r,o[i]=r.peek())}}e(n)});ge("__r",function(e,n){if(e(n),n.type!==Q){Te();var t,o=n.__c;o&&(o.__$f&=-2,(t=o.__$u)===void 0&&(o.__$u=t=function(i,r){var s;return le(function(){s=this},{name:r}),s.c=i,s}(function(i){return function(){var r;Ft&&((r=this.y)==null||r.call(this)),i.__$f|=1,i.setState({})}}(o),typeof n.type=="function"?n.type.displayName||n.type.name:""))),Je=o,Te(t)}});ge("__e",function(e,n,t,o){Te(),Je=void 0,e(n,t,o)});ge("diffed",function(e,n){Te(),Je=void 0;var t;if(typeof n.type=="string"&&(t=n.__e)){var o=n.__np,i=n.props,r=t.U;if(r)for(var s in r){var u=r[s];u===void 0||o&&s in o||(u.d(),r[s]=void 0)}if(o){r||(r={},t.U=r);for(var d in o){var c=r[d],f=o[d];c===void 0?(c=jt(t,d,f,i),r[d]=c):c.o(f,i)}}}e(n)});function jt(e,n,t,o){var i=n in e&&e.ownerSVGElement===void 0,r=se(t);return{o:function(s,u){r.value=s,o=u},d:le(function(){this.N=tt;var s=r.value.value;o[n]!==s&&(o[n]=s,i?e[n]=s:s!=null&&(s!==!1||n[4]==="-")?e.setAttribute(n,s):e.removeAttribute(n))})}}ge("unmount",function(e,n){if(typeof n.type=="string"){var t=n.__e;if(t){var o=t.U;if(o){t.U=void 0;for(var i in o){var r=o[i];r&&r.d()}}}var s=n.__np;if(s){var u=n.props;for(var d in s)u[d]=s[d]}n.__np=void 0}else{var c=n.__c;if(c){c.__$f|=8;var f=c.__$u;f&&(c.__$u=void 0,f.d())}}e(n)});ge("__h",function(e,n,t,o){o<3&&(n.__$f|=2),e(n,t,o)});me.prototype.shouldComponentUpdate=function(e,n){if(this.__R)return!0;var t=this.__$u,o=t&&t.s!==void 0;for(var i in n)return!0;if(this.__f||typeof this.u=="boolean"&&this.u===!0){var r=2&this.__$f;if(!(o||r||4&this.__$f)||1&this.__$f)return!0}else if(!(o||4&this.__$f)||3&this.__$f)return!0;for(var s in e)if(s!=="__source"&&e[s]!==this.props[s])return!0;for(var u in this.props)if(!(u in e))return!0;return!1};function Bt(e,n){return Ee(function(){return se(e,n)},[])}var Wt=function(e){queueMicrotask(function(){queueMicrotask(e)})};function Gt(){fn(function(){for(var e;e=et.shift();)Zn.call(e)})}function tt(){et.push(this)===1&&(A.requestAnimationFrame||Wt)(Gt)}var Ve="/graphql",_n="geodesic.key",Ht=/^geodesic\.(run|explorer)\./,Jt=6e4,Kt=/^[\x21-\x7e]+$/,J=class extends Error{code;constructor(n,t){super(t),this.code=n}},ne=se(sessionStorage.getItem(_n)),ot=se(null),be=se(!1);function Io(e){for(let n of Object.keys(sessionStorage))Ht.test(n)&&sessionStorage.removeItem(n);e===null?sessionStorage.removeItem(_n):sessionStorage.setItem(_n,e),ne.value=e,ot.value=null}function hn(e,n){return{documentId:e.sha256,operationName:e.name,variables:n}}function mn(e=ne.value){return e===null?{}:{authorization:`Bearer ${e}`}}async function rt(e,n,t,o=ne.value){if(o!==null&&!Kt.test(o))throw Pe(o);let i=[...t===void 0?[]:[t],...e.kind==="query"?[AbortSignal.timeout(Jt)]:[]],r=await fetch(Ve,{method:"POST",headers:{...mn(o),"content-type":"application/json",accept:"application/json"},body:JSON.stringify(hn(e,n)),signal:AbortSignal.any(i)}).catch(u=>{throw t?.aborted?u:Ke()});be.value=!1;let s=await r.json().catch(u=>{throw t?.aborted?u:i.some(({aborted:d})=>d)?Ke():new J("BAD_ANSWER",`The gateway answered ${r.status} without JSON`)});if(r.status===401)throw Pe(o);return ze(s)}function ze(e){let n=Array.isArray(e.errors)?e.errors[0]:void 0;if(n!==void 0)throw n.extensions?.code==="UNAUTHENTICATED"?Pe():new J(String(n.extensions?.code??"UNKNOWN"),String(n.message));return e.data}function Pe(e=ne.value){return e===ne.value&&(ot.value=e===null?"missing":"rejected"),new J("UNAUTHENTICATED","This gateway needs a key that it knows")}function Ke(){return be.value=!0,new J("OFFLINE","The gateway does not answer")}function Ro(e){if("code"in e){let{code:n,message:t}=e;throw new J(n,t)}return e}function it(e){return typeof e=="object"&&e!==null}var at="x-graphql-event-stream-token";function st(e){if(e=e,e!=="next"&&e!=="complete")throw new Error(`Invalid stream event "${e}"`);return e}function ct(e,n){if(n)try{n=JSON.parse(n)}catch{throw new Error("Invalid stream data")}if(e==="next"&&!n)throw new Error('Stream data must be an object for "next" events');return n||null}var fe;(function(e){e[e.NewLine=10]="NewLine",e[e.CarriageReturn=13]="CarriageReturn",e[e.Space=32]="Space",e[e.Colon=58]="Colon"})(fe||(fe={}));function ut(){let e,n,t,o=!1,i={event:"",data:""},r=[],s=new TextDecoder;return function(d){if(e===void 0)e=d,n=0,t=-1;else{let p=new Uint8Array(e.length+d.length);p.set(e),p.set(d,e.length),e=p}let c=e.length,f=0;for(;n<c;){o&&(e[n]===fe.NewLine&&(f=++n),o=!1);let p=-1;for(;n<c&&p===-1;++n)switch(e[n]){case fe.Colon:t===-1&&(t=n-f);break;case fe.CarriageReturn:o=!0;case fe.NewLine:p=n;break}if(p===-1)break;if(f===p){if(i.event||i.data){if(!i.event)throw new Error("Missing message event");let a=st(i.event),l=ct(a,i.data);r.push({event:a,data:l}),i={event:"",data:""}}}else if(t>0){let a=e.subarray(f,p),l=s.decode(a.subarray(0,t)),E=t+(a[t+1]===fe.Space?2:1),S=s.decode(a.subarray(E));switch(l){case"event":i.event=S;break;case"data":i.data=i.data?i.data+`
`+S:S;break}}f=n,t=-1}if(f===c){e=void 0;let p=[...r];return r=[],p}else f!==0&&(e=e.subarray(f),n-=f)}}function lt(e){let{singleConnection:n=!1,lazy:t=!0,lazyCloseTimeout:o=0,onNonLazyError:i=console.error,generateID:r=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,I=>{let x=Math.random()*16|0;return(I=="x"?x:x&3|8).toString(16)})},retryAttempts:s=5,retry:u=async function(I){let x=1e3;for(let b=0;b<I;b++)x*=2;await new Promise(b=>setTimeout(b,x+Math.floor(Math.random()*2700+300)))},credentials:d="same-origin",referrer:c,referrerPolicy:f,onMessage:p,on:a}=e,l=e.fetchFn||fetch,E=e.abortControllerImpl||AbortController,S=(()=>{let M=!1,I=[];return{get disposed(){return M},onDispose(x){return M?(setTimeout(()=>x(),0),()=>{}):(I.push(x),()=>{I.splice(I.indexOf(x),1)})},dispose(){if(!M){M=!0;for(let x of[...I])x()}}}})(),v,y,h=0,m=null,R=0;async function j(){try{if(S.disposed)throw new Error("Client has been disposed");return await(y??(y=(async()=>{var M,I,x;if(m){if(await u(R),v.signal.aborted)throw new Error("Connection aborted by the client");R++}(M=a?.connecting)===null||M===void 0||M.call(a,!!m),v=new E;let b=S.onDispose(()=>v.abort());v.signal.addEventListener("abort",()=>{b(),y=void 0});let B=e,N=typeof B.url=="function"?await B.url(void 0):B.url;if(v.signal.aborted)throw new Error("Connection aborted by the client");let D=typeof B.headers=="function"?await B.headers(void 0):(I=B.headers)!==null&&I!==void 0?I:{};if(v.signal.aborted)throw new Error("Connection aborted by the client");let _;try{_=await l(N,{signal:v.signal,method:"PUT",credentials:d,referrer:c,referrerPolicy:f,headers:D})}catch(w){throw new K(w)}if(_.status!==201)throw new K(_);let T=await _.text();D[at]=T;let g=await dt({signal:v.signal,headers:D,credentials:d,referrer:c,referrerPolicy:f,url:N,fetchFn:l,onMessage:w=>{var $;($=a?.message)===null||$===void 0||$.call(a,w),p?.(w)}});return(x=a?.connected)===null||x===void 0||x.call(a,!!m),g.waitForThrow().catch(()=>y=void 0),g})()))}catch(M){throw y=void 0,M}}n&&!t&&(async()=>{for(h++;;)try{let{waitForThrow:M}=await j();await M()}catch(M){if(S.disposed)return;if(!(M instanceof K)||(y=void 0,!s||R>=s))return i?.(M);m=M}})();function H(M,I,x){if(!n){let N=new E,D=S.onDispose(()=>{D(),N.abort()});return(async()=>{var _,T,g,w,$;let C=null,k=0;for(;;)try{if(C){if(await u(k),N.signal.aborted)throw new Error("Connection aborted by the client");k++}(_=a?.connecting)===null||_===void 0||_.call(a,!!C),(T=x?.connecting)===null||T===void 0||T.call(x,!!C);let q=e,re=typeof q.url=="function"?await q.url(M):q.url;if(N.signal.aborted)throw new Error("Connection aborted by the client");let _e=typeof q.headers=="function"?await q.headers(M):(g=q.headers)!==null&&g!==void 0?g:{};if(N.signal.aborted)throw new Error("Connection aborted by the client");let{getResults:ie}=await dt({signal:N.signal,headers:{..._e,"content-type":"application/json; charset=utf-8"},credentials:d,referrer:c,referrerPolicy:f,url:re,body:JSON.stringify(M),fetchFn:l,onMessage:O=>{var U,he;(U=a?.message)===null||U===void 0||U.call(a,O),(he=x?.message)===null||he===void 0||he.call(x,O),p?.(O)}});(w=a?.connected)===null||w===void 0||w.call(a,!!C),($=x?.connected)===null||$===void 0||$.call(x,!!C);for await(let O of ie())C=null,k=0,I.next(O);return N.abort()}catch(q){if(N.signal.aborted)return;if(!(q instanceof K)||!s||k>=s)throw q;C=q}})().then(()=>I.complete()).catch(_=>I.error(_)),()=>N.abort()}h++;let b=new E,B=S.onDispose(()=>{B(),b.abort()});return(async()=>{let N=r();M={...M,extensions:{...M.extensions,operationId:N}};let D=null;for(;;){D=null;try{let{url:_,headers:T,getResults:g}=await j(),w;try{w=await l(_,{signal:b.signal,method:"POST",credentials:d,referrer:c,referrerPolicy:f,headers:{...T,"content-type":"application/json; charset=utf-8"},body:JSON.stringify(M)})}catch($){throw new K($)}if(w.status!==202)throw new K(w);D=async()=>{let $;try{let C=new E,k=S.onDispose(()=>{k(),C.abort()});$=await l(_+"?operationId="+N,{signal:C.signal,method:"DELETE",credentials:d,referrer:c,referrerPolicy:f,headers:T})}catch(C){throw new K(C)}if($.status!==200)throw new K($)};for await(let $ of g({signal:b.signal,operationId:N}))m=null,R=0,I.next($);return D=null,b.abort()}catch(_){if(b.signal.aborted)return await D?.();if(!(_ instanceof K)||(t&&(y=void 0),!s||R>=s))throw b.abort(),_;m=_}finally{b.signal.aborted&&--h===0&&(isFinite(o)&&o>0?setTimeout(()=>{h||v.abort()},o):v.abort())}}})().then(()=>I.complete()).catch(N=>I.error(N)),()=>b.abort()}return{subscribe:H,iterate(M,I){let x=[],b={done:!1,error:null,resolve:()=>{}},B=H(M,{next(D){x.push(D),b.resolve()},error(D){b.done=!0,b.error=D,b.resolve()},complete(){b.done=!0,b.resolve()}},I),N=async function*(){for(;;){for(x.length||await new Promise(_=>b.resolve=_);x.length;)yield x.shift();if(b.error)throw b.error;if(b.done)return}}();return N.throw=async D=>(b.done||(b.done=!0,b.error=D,b.resolve()),{done:!0,value:void 0}),N.return=async()=>(B(),{done:!0,value:void 0}),N},dispose(){S.dispose()}}}var K=class extends Error{constructor(n){let t,o;Vt(n)?(o=n,t="Server responded with "+n.status+": "+n.statusText):n instanceof Error?t=n.message:t=String(n),super(t),this.name=this.constructor.name,this.response=o}};function Vt(e){return it(e)&&typeof e.ok=="boolean"&&typeof e.status=="number"&&typeof e.statusText=="string"}async function dt(e){let{signal:n,url:t,credentials:o,headers:i,body:r,referrer:s,referrerPolicy:u,fetchFn:d,onMessage:c}=e,f={},p={},a;try{a=await d(t,{signal:n,method:r?"POST":"GET",credentials:o,referrer:s,referrerPolicy:u,headers:{...i,accept:"text/event-stream"},body:r})}catch(S){throw new K(S)}if(!a.ok)throw new K(a);if(!a.body)throw new Error("Missing response body");let l=null,E;return(async()=>{var S;try{let v=ut();for await(let y of zt(a.body)){if(typeof y=="string")throw l=new Error(`Unexpected string chunk "${y}"`);let h;try{h=v(y)}catch(m){throw l=m}if(h)for(let m of h){try{c?.(m)}catch(j){throw l=j}let R=m.data&&"id"in m.data?m.data.id:"";switch(R in p||(p[R]=[]),m.event){case"next":R?p[R].push(m.data.payload):p[R].push(m.data);break;case"complete":p[R].push("complete");break;default:throw l=new Error(`Unexpected message event "${m.event}"`)}(S=f[R])===null||S===void 0||S.proceed()}}if(Object.keys(f).length)throw new Error("Connection closed while having active streams")}catch(v){!l&&Object.keys(f).length?l=new K(v):l=v,E?.(l)}finally{Object.values(f).forEach(({proceed:v})=>v())}})(),{url:t,headers:i,waitForThrow:()=>new Promise((S,v)=>{if(l)return v(l);E=v}),async*getResults(S){var v;let{signal:y,operationId:h=""}=S??{};try{for(;;){for(;!((v=p[h])===null||v===void 0)&&v.length;){let m=p[h].shift();if(m==="complete")return;yield m}if(l)throw l;if(y?.aborted)throw new Error("Getting results aborted by the client");await new Promise(m=>{let R=()=>{y?.removeEventListener("abort",R),delete f[h],m()};y?.addEventListener("abort",R),f[h]={proceed:R}})}}finally{delete p[h]}}}}function zt(e){return typeof Object(e)[Symbol.asyncIterator]=="function"?(e=e,e):async function*(){let n=e.getReader(),t;do t=await n.read(),t.value!==void 0&&(yield t.value);while(!t.done)}()}function V(e){return e===null?"null":Array.isArray(e)?"array":typeof e}function ce(e){return V(e)==="object"}function Yt(e){return Array.isArray(e)&&e.length>0&&e.every(n=>"message"in n)}function yn(e,n){return e.length<124?e:n}var ft="graphql-transport-ws";var z=(e=>(e[e.InternalServerError=4500]="InternalServerError",e[e.InternalClientError=4005]="InternalClientError",e[e.BadRequest=4400]="BadRequest",e[e.BadResponse=4004]="BadResponse",e[e.Unauthorized=4401]="Unauthorized",e[e.Forbidden=4403]="Forbidden",e[e.SubprotocolNotAcceptable=4406]="SubprotocolNotAcceptable",e[e.ConnectionInitialisationTimeout=4408]="ConnectionInitialisationTimeout",e[e.ConnectionAcknowledgementTimeout=4504]="ConnectionAcknowledgementTimeout",e[e.SubscriberAlreadyExists=4409]="SubscriberAlreadyExists",e[e.TooManyInitialisationRequests=4429]="TooManyInitialisationRequests",e))(z||{}),Y=(e=>(e.ConnectionInit="connection_init",e.ConnectionAck="connection_ack",e.Ping="ping",e.Pong="pong",e.Subscribe="subscribe",e.Next="next",e.Error="error",e.Complete="complete",e))(Y||{});function pt(e){if(!ce(e))throw new Error(`Message is expected to be an object, but got ${V(e)}`);if(!e.type)throw new Error("Message is missing the 'type' property");if(typeof e.type!="string")throw new Error(`Message is expects the 'type' property to be a string, but got ${V(e.type)}`);switch(e.type){case"connection_init":case"connection_ack":case"ping":case"pong":{if(e.payload!=null&&!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object or nullish or missing, but got "${e.payload}"`);break}case"subscribe":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object, but got ${V(e.payload)}`);if(typeof e.payload.query!="string")throw new Error(`"${e.type}" message payload expects the 'query' property to be a string, but got ${V(e.payload.query)}`);if(e.payload.variables!=null&&!ce(e.payload.variables))throw new Error(`"${e.type}" message payload expects the 'variables' property to be a an object or nullish or missing, but got ${V(e.payload.variables)}`);if(e.payload.operationName!=null&&V(e.payload.operationName)!=="string")throw new Error(`"${e.type}" message payload expects the 'operationName' property to be a string or nullish or missing, but got ${V(e.payload.operationName)}`);if(e.payload.extensions!=null&&!ce(e.payload.extensions))throw new Error(`"${e.type}" message payload expects the 'extensions' property to be a an object or nullish or missing, but got ${V(e.payload.extensions)}`);break}case"next":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!ce(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an object, but got ${V(e.payload)}`);break}case"error":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);if(!Yt(e.payload))throw new Error(`"${e.type}" message expects the 'payload' property to be an array of GraphQL errors, but got ${JSON.stringify(e.payload)}`);break}case"complete":{if(typeof e.id!="string")throw new Error(`"${e.type}" message expects the 'id' property to be a string, but got ${V(e.id)}`);if(!e.id)throw new Error(`"${e.type}" message requires a non-empty 'id' property`);break}default:throw new Error(`Invalid message 'type' property "${e.type}"`)}return e}function _t(e,n){return pt(typeof e=="string"?JSON.parse(e,n):e)}function ve(e,n){return pt(e),JSON.stringify(e,n)}function ht(e){let{url:n,connectionParams:t,lazy:o=!0,onNonLazyError:i=console.error,lazyCloseTimeout:r=0,keepAlive:s=0,disablePong:u,connectionAckWaitTimeout:d=0,retryAttempts:c=5,retryWait:f=async function(T){let g=Math.pow(2,T);await new Promise(w=>setTimeout(w,g*1e3+Math.floor(Math.random()*2700+300)))},shouldRetry:p=gn,on:a,webSocketImpl:l,generateID:E=function(){return"xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g,T=>{let g=Math.random()*16|0;return(T=="x"?g:g&3|8).toString(16)})},jsonMessageReplacer:S,jsonMessageReviver:v}=e,y;if(l){if(!Xt(l))throw new Error("Invalid WebSocket implementation provided");y=l}else typeof WebSocket<"u"?y=WebSocket:typeof global<"u"?y=global.WebSocket||global.MozWebSocket:typeof window<"u"&&(y=window.WebSocket||window.MozWebSocket);if(!y)throw new Error("WebSocket implementation missing; on Node you can `import WebSocket from 'ws';` and pass `webSocketImpl: WebSocket` to `createClient`");let h=y,m=(()=>{let _=(()=>{let g={};return{on(w,$){return g[w]=$,()=>{delete g[w]}},emit(w){"id"in w&&g[w.id]?.(w)}}})(),T={connecting:a?.connecting?[a.connecting]:[],opened:a?.opened?[a.opened]:[],connected:a?.connected?[a.connected]:[],ping:a?.ping?[a.ping]:[],pong:a?.pong?[a.pong]:[],message:a?.message?[_.emit,a.message]:[_.emit],closed:a?.closed?[a.closed]:[],error:a?.error?[a.error]:[]};return{onMessage:_.on,on(g,w){let $=T[g];return $.push(w),()=>{let C=$.indexOf(w);C>-1&&$.splice(C,1)}},emit(g,...w){for(let $ of[...T[g]])$(...w)}}})();function R(_){let T=[m.on("error",g=>{T.forEach(w=>w()),_(g)}),m.on("closed",g=>{T.forEach(w=>w()),_(g)})];return()=>T.forEach(g=>g())}let j,H=0,M,I=!1,x=0,b=!1;async function B(){clearTimeout(M);let[_,T]=await(j??(j=new Promise(($,C)=>(async()=>{if(I){if(await f(x),!H)return j=void 0,C({code:1e3,reason:"All Subscriptions Gone"});x++}m.emit("connecting",I);let k=new h(typeof n=="function"?await n():n,ft),q,re;function _e(){isFinite(s)&&s>0&&(clearTimeout(re),re=setTimeout(()=>{k.readyState===h.OPEN&&(k.send(ve({type:Y.Ping})),m.emit("ping",!1,void 0))},s))}R(O=>{j=void 0,clearTimeout(q),clearTimeout(re),C(O),O instanceof Ye&&(k.close(4499,"Terminated"),k.onerror=null,k.onclose=null)}),k.onerror=O=>m.emit("error",O),k.onclose=O=>m.emit("closed",O),k.onopen=async()=>{try{m.emit("opened",k);let O=typeof t=="function"?await t():t;if(k.readyState!==h.OPEN)return;k.send(ve(O?{type:Y.ConnectionInit,payload:O}:{type:Y.ConnectionInit},S)),isFinite(d)&&d>0&&(q=setTimeout(()=>{k.close(z.ConnectionAcknowledgementTimeout,"Connection acknowledgement timeout")},d)),_e()}catch(O){m.emit("error",O),k.close(z.InternalClientError,yn(O instanceof Error?O.message:String(O),"Internal client error"))}};let ie=!1;k.onmessage=({data:O})=>{try{let U=_t(O,v);if(m.emit("message",U),U.type==="ping"||U.type==="pong"){m.emit(U.type,!0,U.payload),U.type==="pong"?_e():u||(k.send(ve(U.payload?{type:Y.Pong,payload:U.payload}:{type:Y.Pong},S)),m.emit("pong",!1,U.payload));return}if(ie)return;if(U.type!==Y.ConnectionAck)throw new Error(`First message cannot be of type ${U.type}`);clearTimeout(q),ie=!0,m.emit("connected",k,U.payload,I),I=!1,x=0;let he=new Promise((_o,kt)=>R(kt));he.catch(()=>{}),$([k,he])}catch(U){k.onmessage=null,m.emit("error",U),k.close(z.BadResponse,yn(U instanceof Error?U.message:String(U),"Bad response"))}}})())));_.readyState===h.CLOSING&&await T;let g=()=>{},w=new Promise($=>g=$);return[_,g,new Promise(($,C)=>{let k=R(C);_.readyState!==h.OPEN&&T.catch(C),w.then(()=>{if(k(),!H){let q=()=>_.close(1e3,"Normal Closure");isFinite(r)&&r>0?(clearTimeout(M),M=setTimeout(()=>{!H&&_.readyState===h.OPEN&&q()},r)):q()}$()})})]}function N(_){if(gn(_)&&(Qt(_.code)||[z.InternalServerError,z.InternalClientError,z.BadRequest,z.BadResponse,z.Unauthorized,z.SubprotocolNotAcceptable,z.SubscriberAlreadyExists,z.TooManyInitialisationRequests].includes(_.code)))throw _;if(b)return!1;if(gn(_)&&_.code===1e3)return H>0;if(!c||x>=c||!p(_))throw _;return I=!0}o||(async()=>{for(H++;;)try{let[,,_]=await B();await _}catch(_){try{if(!N(_))return}catch(T){return i?.(T)}}})();function D(_,T){let g=E(_),w=!1,$=!1,C=()=>{H--,w=!0};return(async()=>{for(H++;;)try{let[k,q,re]=await B();if(w)return re.catch(()=>{}),q();let _e=m.onMessage(g,ie=>{switch(ie.type){case Y.Next:{T.next(ie.payload);return}case Y.Error:{$=!0,w=!0,T.error(ie.payload),C();return}case Y.Complete:{w=!0,C();return}}});k.send(ve({id:g,type:Y.Subscribe,payload:_},S)),C=()=>{!w&&k.readyState===h.OPEN&&k.send(ve({id:g,type:Y.Complete},S)),H--,w=!0,q()},await re.finally(_e);return}catch(k){if(!N(k))return}})().then(()=>{$||T.complete()}).catch(k=>{T.error(k)}),()=>{w||C()}}return{on:m.on,subscribe:D,iterate(_){let T=[],g={done:!1,error:null,resolve:()=>{}},w=D(_,{next(C){T.push(C),g.resolve()},error(C){g.done=!0,g.error=C,g.resolve()},complete(){g.done=!0,g.resolve()}}),$=async function*(){for(;;){for(T.length||await new Promise(k=>g.resolve=k);T.length;)yield T.shift();if(g.error)throw g.error;if(g.done)return}}();return $.throw=async C=>(g.done||(g.done=!0,g.error=C,g.resolve()),{done:!0,value:void 0}),$.return=async()=>(w(),{done:!0,value:void 0}),$},async dispose(){if(b=!0,j){let[_]=await j;_.close(1e3,"Normal Closure")}},terminate(){j&&m.emit("closed",new Ye)}}}var Ye=class extends Error{name="TerminatedCloseEvent";message="4499: Terminated";code=4499;reason="Terminated";wasClean=!1};function gn(e){return ce(e)&&"code"in e&&"reason"in e}function Qt(e){return[1e3,1001,1006,1005,1012,1013,1014].includes(e)?!1:e>=1e3&&e<=1999}function Xt(e){return typeof e=="function"&&"constructor"in e&&"CLOSED"in e&&"CLOSING"in e&&"CONNECTING"in e&&"OPEN"in e}var Qe=500,yt=1e4,mt=2e4,Zt=5e3,gt=3,eo=4403,no=/^(OFFLINE|CAPACITY|RATE_LIMITED)$/,to=/(Finished|Failed|Cancelled)$/,pe=null,bn=0;function oo(){let e=ne.value;return pe?.key===e||(pe?.client.dispose(),pe={key:e,client:bn>=gt?ro(e):io(e)}),pe}function ro(e){return lt({url:Ve,headers:mn(e),retryAttempts:0})}function io(e){let n,t;return ht({url:new URL(Ve,globalThis.location.href.replace(/^http/,"ws")).href,connectionParams:e===null?{}:{apiKey:e},retryAttempts:0,lazyCloseTimeout:Zt,keepAlive:mt,on:{opened:o=>void(n=o),connected:()=>void(bn=0),ping:o=>{o||(t=setTimeout(()=>n?.close(4408,"No answer"),mt))},pong:o=>{o&&clearTimeout(t)},closed:()=>{clearTimeout(t),n===void 0&&ao(),n=void 0}}})}async function ao(){!await fetch("/livez").then(({ok:n})=>n,()=>!1)||++bn<gt||(pe?.client.dispose(),pe=null)}async function*bt(e,n,t){if(t.aborted)return;let{key:o,client:i}=oo(),r=i.iterate({query:"",...hn(e,n)}),s=()=>void r.return?.();t.addEventListener("abort",s,{once:!0});try{for await(let u of r)be.value=!1,yield ze(u)}catch(u){if(u instanceof J)throw u;Array.isArray(u)&&ze({errors:u});let{code:d,response:c}=u;throw d===eo||c?.status===401?Pe(o):c!==void 0&&c.status>=400&&c.status<500?new J(c.status===429?"RATE_LIMITED":"REFUSED",`The gateway refused the stream (${c.status})`):Ke()}finally{t.removeEventListener("abort",s),s()}}async function Yo(e,n,t){let o=n.afterSeq;for(let i=Qe;;i=Math.min(i*2,yt)){try{for await(let r of bt(e,{id:n.id,afterSeq:o},t.signal)){let s=Object.values(r)[0];if(i=Qe,!(s.seq<=o)&&(o=s.seq,t.onEvent(s),to.test(s.__typename)))return}}catch(r){if(t.signal.aborted)return;if(!(r instanceof J)||!no.test(r.code))throw r}if(await wt(i,t.signal),t.signal.aborted)return}}async function vt(e,n,t){let{onEvent:o,signal:i}=t;for(let r=Qe;!i.aborted;r=Math.min(r*2,yt)){try{for await(let s of bt(e,n,i))r=Qe,o(s)}catch{}await wt(r,i)}}function wt(e,n){if(n.aborted)return Promise.resolve();let{promise:t,resolve:o}=Promise.withResolvers(),i=setTimeout(o,e),r=()=>o();return addEventListener("online",r),n.addEventListener("abort",r),t.finally(()=>{clearTimeout(i),removeEventListener("online",r),n.removeEventListener("abort",r)})}function nr(e,n,t){let o=`${e.sha256} ${JSON.stringify(n)}`;return so(o,i=>rt(e,n,i),t)}function so(e,n,t){let[o,i]=Z({key:null}),r=e===null?null:`${e} ${ne.value}`,[s,u]=Z(0),d=ee(!1),c=Hn(()=>u(p=>p+1),[]);X(()=>{if(r===null)return;let p=new AbortController;return d.current=!0,n(p.signal).then(a=>{p.signal.aborted||i({key:r,data:a})},a=>{if(p.signal.aborted)return;let l=a instanceof J?a:new J("UNEXPECTED",String(a));i(E=>({...E.key===r?E:{},key:r,error:l}))}).finally(()=>{p.signal.aborted||(d.current=!1)}),()=>p.abort()},[r,s]),co(()=>d.current||c(),t);let f=r!==null&&o.key===r;return{data:f?o.data:void 0,error:f?o.error:void 0,reload:c}}function co(e,n){let t=ee(e);t.current=e,X(()=>{if(n===void 0)return;let o=()=>document.visibilityState==="visible"&&t.current(),i=setInterval(o,n);return document.addEventListener("visibilitychange",o),()=>{clearInterval(i),document.removeEventListener("visibilitychange",o)}},[n])}function tr(e){let[n,t]=Z(()=>matchMedia(e).matches);return X(()=>{let o=matchMedia(e),i=()=>t(o.matches);return i(),o.addEventListener("change",i),()=>o.removeEventListener("change",i)},[e]),n}function or(e){let[n,t]=Z();if(X(()=>{let o=!0;return e().then(i=>o&&t({loaded:i}),i=>o&&t({error:i})),()=>void(o=!1)},[]),n!==void 0){if("error"in n)throw n.error;return n.loaded}}function rr(e){let[n,t]=Z(!1),[o,i]=Z(null);return{run:(...s)=>{t(!0),i(null),e(...s).catch(u=>i(u instanceof J?u:new J("UNEXPECTED",String(u)))).finally(()=>t(!1))},busy:n,error:o}}function ir(e,n,t){let o=ee(t);o.current=t,X(()=>{let i=new AbortController;return vt(e,n,{onEvent:r=>o.current(r),signal:i.signal}),()=>i.abort()},[e.sha256,JSON.stringify(n),ne.value])}var xt=["B","kB","MB","GB","TB"];function sr(e){let n=Number(e),t=0;for(;n>=1e3&&t<xt.length-1;t++)n/=1e3;return`${Ce(n)} ${xt[t]}`}function cr(e){let n=Number(e);return n>=1e9?`${Ce(n/1e9)}B`:n>=1e6?`${Ce(n/1e6)}M`:n>=1e3?`${Ce(n/1e3)}k`:String(n)}function ur(e){return e>=1024?`${Ce(e/1024)}k`:String(e)}function Ce(e){return e>=100?e.toFixed(0):String(Number(e.toPrecision(3)))}function dr(e){return new Date(e).toLocaleDateString("en",{day:"numeric",month:"short",year:"numeric"})}function lr(e){return new Date(e).toLocaleString("en",{dateStyle:"medium",timeStyle:"short"})}function fr(e){return Number(e).toLocaleString("en")}function St(e){return e<1?`${Math.round(e*1e3)} ms`:e<90?`${e<10?e.toFixed(1):Math.round(e)} s`:`${Math.round(e/60)} min`}function pr(e){return Math.acos(Math.min(1,Math.max(-1,e)))*180/Math.PI}var _r={BFLOAT16:"bfloat16",FLOAT16:"float16",FLOAT32:"float32",FLOAT8_E4M3:"FP8"},hr={FP8_E4M3:"FP8",NONE:"None"};function vn(e){return e[0]+e.slice(1).toLowerCase().replaceAll("_"," ")}var yr={name:"DefaultsPage",kind:"query",sha256:"2344c09baa4ab27feaa34737c54342d87b195a35b37494c9be7bd51c0d794734",text:`query DefaultsPage($model: ModelRef) {
  samplingDefaults(model: $model) {
    history(first: 50) {
      totalCount
      edges {
        node {
          ...Revision
        }
      }
    }
  }
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Revision on SamplingRevision {
  id
  revision
  author
  reason
  createdAt
  changes {
    parameter
    before
    after
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},gr={name:"UpdateDefaults",kind:"mutation",sha256:"d6a34182b669dd216ddce5bb3b4266d999d50159a2d5dbee2cb8c3f3c0c8d539",text:`mutation UpdateDefaults($input: UpdateSamplingDefaultsInput!) {
  updateSamplingDefaults(input: $input) {
    __typename
    ... on UpdateSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},br={name:"RevertDefaults",kind:"mutation",sha256:"d4c1e683b5c20a21277dbd68e5062509a10079474fc9f563859ec4c99fb25c6c",text:`mutation RevertDefaults($input: RevertSamplingDefaultsInput!) {
  revertSamplingDefaults(input: $input) {
    __typename
    ... on RevertSamplingDefaultsPayload {
      revision {
        id
        revision
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},vr={name:"Merges",kind:"query",sha256:"30838a3e6edb3ac8942fb9512900951b2d86862cf58396dfe42e7faf190a0d2d",text:`query Merges($first: Int!) {
  merges(first: $first) {
    totalCount
    edges {
      node {
        ...MergeRow
      }
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},wr={name:"MergePlan",kind:"query",sha256:"d0d815b0ffa5419791976407416f189a148ca1d97774693f77cd24ec1163f72f",text:`query MergePlan($configYaml: String!) {
  mergePlan(configYaml: $configYaml) {
    ok
    problems {
      code
      message
      line
      column
    }
    documents {
      name
      method
      baseModel
      dtype
      layers
      models {
        name
        weightBytes
      }
      readBytes
      writeBytes
      estimatedSeconds
      tensors {
        name
        operation
        filter
        t
      }
      files {
        file
        bytes
      }
    }
  }
}`},xr={name:"StartMerge",kind:"mutation",sha256:"5e8076634f4c1242f48f590c6fd530c1fbbf25d65c3d52ee37419916dbeab5ad",text:`mutation StartMerge($input: StartMergeInput!) {
  startMerge(input: $input) {
    __typename
    ... on StartMergePayload {
      merge {
        ...MergeRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment MergeRow on Merge {
  id
  name
  status
  method
  position
  createdAt
  startedAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Sr={name:"CancelMerge",kind:"mutation",sha256:"c041040a829fe0d4a7d45ffd3e4f7c1c4df240e4ed39cdbc3838a9e088a5c94c",text:`mutation CancelMerge($input: CancelMergeInput!) {
  cancelMerge(input: $input) {
    __typename
    ... on CancelMergePayload {
      merge {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Er={name:"WatchMerge",kind:"subscription",sha256:"5ead09d03ed894a93dc9fb3841ca5b99e42c6ed6071bf988f8ea844a13d5e0d5",text:`subscription WatchMerge($id: ID!, $afterSeq: Int!) {
  mergeEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on MergeQueued {
      position
    }
    ... on MergeProgress {
      stage
      doneBytes
      totalBytes
      doneTensors
      totalTensors
      bytesPerSecond
      secondsLeft
    }
    ... on MergeFinished {
      artifactSha256
      model {
        name
      }
    }
    ... on MergeFailed {
      code
      message
    }
  }
}`},kr={name:"Keys",kind:"query",sha256:"080fdb88b024f13f68e149e41016f48a8dd5f084c4856b831302b49fe84c4b3d",text:`query Keys {
  apiKeys {
    id
    label
    prefix
    role
    createdAt
    revokedAt
    expiresAt
    lastUsedAt
  }
}`},Mr={name:"CreateKey",kind:"mutation",sha256:"8e888b5e2905221b8f259621e7356bc37b4ff159ce63e39144289b45237f8ca5",text:`mutation CreateKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeyPayload {
      secret
      apiKey {
        id
        label
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},$r={name:"RevokeKey",kind:"mutation",sha256:"1e7332d43f00d8158c6d7e2b578be0e1d40209033bfe4f706c6f2fd156861997",text:`mutation RevokeKey($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename
    ... on RevokeApiKeyPayload {
      revokedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Tr={name:"EngineState",kind:"query",sha256:"2b327f1ed1311bd38ea993e6971235c69f4183c71db87b089cc4e846a70d4a7b",text:`query EngineState {
  runtime {
    batchSize
    running
    waiting
    tokensPerSecond
    generatedTokens
    kvBlocksTotal
    kvBlocksUsed
    steps
    stepsPerSubmit
    dispatchesPerStep
    readBytesPerSecond
    bandwidthShare
    device {
      adapter
      backend
      vendor
      software
    }
    engine {
      state
      reason
      restarts
      attempt
      retryAt
    }
    models {
      key
      running
      waiting
      weightBytes
      kvCacheBytes
      kvBlocksTotal
      kvBlocksUsed
      kvBlocksCached
      preemptions
      prefixCacheHits
      prefixCacheQueries
    }
  }
}`},Pr={name:"AuditLog",kind:"query",sha256:"c2697f69dd47014e44a79d2dac99de62075ca94338251aa93957f4f6fee52edd",text:`query AuditLog($first: Int!, $after: String, $where: AuditFilter) {
  auditLog(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        seq
        action
        actorId
        actorLabel
        target
        details
        at
        hash
      }
    }
  }
}`},Cr={name:"VerifyAuditLog",kind:"query",sha256:"9501458266c8e6a45aa00bef39a202c3bd93c9fc42045688b4bfad7ca378f925",text:`query VerifyAuditLog {
  verifyAuditLog {
    isIntact
    entries
    headHash
    brokenSeq
    reason
  }
}`},Ar={name:"Usage",kind:"query",sha256:"a737207f007d5bd8d375c856ca0b39509b4d0d7d594e49ec35e7828bff057bd6",text:`query Usage {
  usage(first: 100) {
    edges {
      node {
        day
        principalId
        generations
        promptTokens
        cachedTokens
        completionTokens
        engineMs
        model {
          name
        }
      }
    }
  }
}`},Ir={name:"Models",kind:"query",sha256:"caa0f475e018f3b9a3a1c0f666b2f217647cde575a47e22ffba77d8d76a5865c",text:`query Models($first: Int!, $after: String, $where: ModelFilter) {
  models(first: $first, after: $after, where: $where) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        ...Card
        parents {
          name
        }
        provenance {
          method
        }
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Rr={name:"ModelNames",kind:"query",sha256:"a1d8d96f52cb82d5bf4dfb00b060d191298d2521cbfc58709412058dd7749d39",text:`query ModelNames {
  models(first: 100) {
    edges {
      node {
        ...Residency
        concurrencyCost
        parents {
          name
        }
      }
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Nr={name:"ModelPage",kind:"query",sha256:"97084d96c0092458b8842240c5a4c0002f283306f04a824a0fd569e3227395f0",text:`query ModelPage($ref: ModelRef!) {
  model(ref: $ref) {
    ...Card
    description
    artifact {
      manifestSha256
      sizeBytes
      files {
        path
        sha256
        sizeBytes
      }
    }
    parents {
      ...Card
      provenance {
        method
      }
      artifact {
        manifestSha256
      }
    }
    descendants {
      id
      name
    }
    declaredParents {
      name
      isBase
      model {
        name
      }
    }
    recipe {
      method
      configYaml
      configSha256
    }
    origin {
      repository
      revision
    }
    provenance {
      id
      method
      dtype
      status
      toolVersion
      configYaml
      configSha256
      startedAt
      finishedAt
      baseModel {
        name
      }
      sources {
        name
        layerRange
        isBase
        artifactSha256
        model {
          name
        }
      }
      parameters {
        name
        filter
        value
        gradient
      }
      curves {
        filter
        t
      }
    }
  }
}

fragment Card on Model {
  ...Residency
  author
  task
  architecture
  parameterCount
  license
  publishedAt
  createdAt
  nativeContextLength
  servedContextLength
  nativeDtype
  servedQuantization
  concurrencyCost
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Lr={name:"ModelEvents",kind:"subscription",sha256:"ce9c948fbc7f54101819f0295b487f7d802121a77331d87cffcb9ebc529e7790",text:`subscription ModelEvents($ref: ModelRef) {
  modelEvents(ref: $ref) {
    news
    residency {
      ...ResidencyState
    }
    model {
      id
      name
    }
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Dr={name:"ModelJobs",kind:"query",sha256:"113fef19561e23b2573d9ddd7921d3ec1763585a084349f8492bc2d3c27dfcf3",text:`query ModelJobs($first: Int!, $where: ModelJobFilter) {
  modelJobs(first: $first, where: $where) {
    edges {
      node {
        ...JobRow
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},Or={name:"VerifyModel",kind:"mutation",sha256:"80e25bfb2453a0f21a4a48f9c9aebe1993a17d2961d16a0bab4cceda917ab8a0",text:`mutation VerifyModel($input: VerifyModelInput!) {
  verifyModel(input: $input) {
    __typename
    ... on VerifyModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},qr={name:"PullModel",kind:"mutation",sha256:"853c1600214b5bff90c70f08734ce4ef8da9978d635575a40631ebc85956ddb4",text:`mutation PullModel($input: PullModelInput!) {
  pullModel(input: $input) {
    __typename
    ... on PullModelPayload {
      job {
        ...JobRow
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment JobRow on ModelJob {
  id
  kind
  status
  modelName
  repository
  createdAt
  finishedAt
  error {
    code
    message
  }
  model {
    name
  }
}`},Ur={name:"CancelJob",kind:"mutation",sha256:"6eb5c2ea659b99e59785c88f9c67bcd71d030215c590f01c212f4730dc4a9e01",text:`mutation CancelJob($input: CancelModelJobInput!) {
  cancelModelJob(input: $input) {
    __typename
    ... on CancelModelJobPayload {
      job {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Fr={name:"WatchJob",kind:"subscription",sha256:"76de383f08a0e6f6acae620154c8355b5827ae2b5b3c169b4a0543cf1c9d8126",text:`subscription WatchJob($id: ID!, $afterSeq: Int!) {
  modelJobEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on ModelJobProgress {
      stage
      doneBytes
      totalBytes
      doneItems
      totalItems
      bytesPerSecond
      secondsLeft
    }
    ... on ModelJobFailed {
      code
      message
    }
    ... on ModelJobFinished {
      job {
        model {
          name
        }
        verification {
          ...Verified
        }
      }
    }
  }
}

fragment Verified on ModelVerification {
  ok
  files
  hashedTensors
  recomputedTensors
  totalTensors
  manifestSha256
  mismatchCount
  mismatches {
    kind
    subject
    expected
    found
    stage
    field
  }
  sources {
    name
    state
  }
}`},jr={name:"MergeTensors",kind:"query",sha256:"04510802c24cb78f8ee9955f80358c22ced620466d249f6b1090fec8f0351199",text:`query MergeTensors($id: ID!, $first: Int!, $after: String, $where: MergeTensorFilter, $orderBy: MergeTensorOrder) {
  merge(id: $id) {
    id
    tensors(first: $first, after: $after, where: $where, orderBy: $orderBy) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          name
          layer
          filter
          t
          mode
          cosine
          outputSha256
        }
      }
    }
  }
}`},Br={name:"LoadModel",kind:"mutation",sha256:"2592235f2f842cd717f2c52cd6bb3b1c42f7f9770524a49cd854435948f9cbaf",text:`mutation LoadModel($input: LoadModelInput!) {
  loadModel(input: $input) {
    __typename
    ... on LoadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Wr={name:"UnloadModel",kind:"mutation",sha256:"1664d1f8ae21da7329b3802f03c35dca5731dedc6ca008711deeeeac30b97993",text:`mutation UnloadModel($input: UnloadModelInput!) {
  unloadModel(input: $input) {
    __typename
    ... on UnloadModelPayload {
      model {
        ...Residency
      }
    }
    ... on Error {
      code
      message
    }
  }
}

fragment Residency on Model {
  id
  name
  residency {
    ...ResidencyState
  }
}

fragment ResidencyState on Residency {
  state
  fraction
  stage
  since
  secondsLeft
  error {
    code
    message
  }
}`},Gr={name:"Sessions",kind:"query",sha256:"4f3ce53c8931a9e3137fe5889cacbd7600a7e1dc42d087640c05e7db976228c3",text:`query Sessions($first: Int!, $after: String) {
  sessions(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      node {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
  }
}`},Hr={name:"SessionPage",kind:"query",sha256:"685e53805b532162908e3ae5132861de39a504d1888716da10ce934c7e649997",text:`query SessionPage($id: ID!, $after: String) {
  session(id: $id) {
    id
    title
    contextPolicy
    model {
      id
      name
    }
    openGeneration {
      id
    }
    messages(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        node {
          ...Said
        }
      }
    }
  }
}

fragment Said on Message {
  id
  role
  content
  createdAt
  branchIndex
  branchCount
  siblings {
    id
  }
  generation {
    id
    status
    finishReason
    artifactSha256
    usage {
      promptTokens
      completionTokens
      cachedTokens
    }
    timings {
      ttftMs
      decodeTokensPerSecond
    }
  }
}`},Jr={name:"CreateSession",kind:"mutation",sha256:"b4edf41ddb830166c81ce3746bd876638f05045eea12c2590bd3b0b7c7dd5408",text:`mutation CreateSession($input: CreateSessionInput!) {
  createSession(input: $input) {
    __typename
    ... on CreateSessionPayload {
      session {
        id
        title
        updatedAt
        model {
          name
        }
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Kr={name:"DeleteSession",kind:"mutation",sha256:"e805f8cdf8de500895dee1d52aa1df2f1372b2c4d39bcf8cfaa0280530b41eba",text:`mutation DeleteSession($input: DeleteSessionInput!) {
  deleteSession(input: $input) {
    __typename
    ... on DeleteSessionPayload {
      deletedId
    }
    ... on Error {
      code
      message
    }
  }
}`},Vr={name:"Parameters",kind:"query",sha256:"687543e11e11b889bb3f7e4c8295d02d970bcbbbf8cb09ac49c8d80cf6842747",text:`query Parameters($model: ModelRef) {
  samplingParameters(model: $model) {
    ...Parameter
  }
}

fragment Parameter on SamplingParameter {
  name
  type
  description
  default
  origin
  min
  max
  minExclusive
  maxItems
  maxLength
}`},zr={name:"StartGeneration",kind:"mutation",sha256:"0c81abb73ccb16f0b334bd7b74fab2fd4b3be865c3dff1b15c150522107dbe87",text:`mutation StartGeneration($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Yr={name:"CancelGeneration",kind:"mutation",sha256:"596f0a9b5919ab358a505a53a8670913e5af9247ef2c239df0905bbd2e1d0c8b",text:`mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) {
    __typename
    ... on CancelGenerationPayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Qr={name:"WatchGeneration",kind:"subscription",sha256:"c0995ca19784d1bb088845e83a4c71df92bde0fcb7ac5a4a0071b975bc6b6917",text:`subscription WatchGeneration($id: ID!, $afterSeq: Int!) {
  generationEvents(id: $id, afterSeq: $afterSeq) {
    __typename
    seq
    ... on GenerationQueued {
      position
    }
    ... on GenerationLoading {
      stage
      fraction
    }
    ... on PromptProcessed {
      promptTokens
      cachedTokens
    }
    ... on TokensGenerated {
      text
      tokens {
        id
        text
        logprob
        top {
          id
          text
          logprob
        }
      }
    }
    ... on GenerationFinished {
      finishReason
      text
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
      timings {
        queueMs
        prefillMs
        ttftMs
        decodeMs
        decodeTokensPerSecond
      }
    }
    ... on ContextTrimmed {
      droppedMessages
      keptMessages
    }
    ... on GenerationFailed {
      code
      message
    }
    ... on GenerationCancelled {
      usage {
        promptTokens
        completionTokens
        cachedTokens
      }
    }
  }
}`},Xr={name:"Regenerate",kind:"mutation",sha256:"bfa1c7d1c286ee2d5f7aa68d7de92563ca65ac279bd2f7d5914b48c796e031b3",text:`mutation Regenerate($input: RegenerateInput!) {
  regenerate(input: $input) {
    __typename
    ... on RegeneratePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},Zr={name:"EditMessage",kind:"mutation",sha256:"9c714f9a5c18e159c14f51b95f5a0bfe5740f45e05186a155b50af423f301b30",text:`mutation EditMessage($input: EditMessageInput!) {
  editMessage(input: $input) {
    __typename
    ... on EditMessagePayload {
      generation {
        id
        status
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ei={name:"SelectBranch",kind:"mutation",sha256:"7319991eb1a8812937370138efffcd6e2de1458989b64ff7f46fa48cd13ff325",text:`mutation SelectBranch($input: SelectBranchInput!) {
  selectBranch(input: $input) {
    __typename
    ... on SelectBranchPayload {
      session {
        id
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ni={name:"SetContextPolicy",kind:"mutation",sha256:"48b5604b5706d2b7e5d1f01e0746b468e785926232c06a50fedacc2c331fec90",text:`mutation SetContextPolicy($input: SetContextPolicyInput!) {
  setContextPolicy(input: $input) {
    __typename
    ... on SetContextPolicyPayload {
      session {
        id
        contextPolicy
      }
    }
    ... on Error {
      code
      message
    }
  }
}`},ti={name:"ExportSession",kind:"query",sha256:"7509b12a047bb48a4043a5972c66d407d5c45c5fbc503556bd916be65e8c2b19",text:`query ExportSession($id: ID!, $format: ExportFormat!) {
  exportSession(id: $id, format: $format) {
    content
    fileName
    mediaType
  }
}`},oi={name:"DefaultsChanged",kind:"subscription",sha256:"0849d7c0d3e781f56b05b38c7f98b3ffacd1f1b8532cd7483fc738b53736bbad",text:`subscription DefaultsChanged($model: ModelRef) {
  samplingDefaultsChanged(model: $model) {
    values {
      temperature
    }
  }
}`},ri={name:"Viewer",kind:"query",sha256:"649702a865e491aaa80ca96ac68661adb25e9790e30270504e61a1b715774cce",text:`query Viewer {
  viewer {
    id
    role
    concurrencyUnitsAllowed
    concurrencyUnitsHeld
  }
}`};function di(...e){let n=[...e.filter(Boolean),"Geodesic"].join(" \xB7 ");X(()=>{document.title=n},[n])}function li(e){let n=ee(e);return e!==void 0&&(n.current=e),n.current}function fi(e){try{return atob(e).replace(/^[^:]*:/,"")}catch{return e}}var Et=new Set(["SLERP","NUSLERP","MULTISLERP","TIES","DARE","DELLA","SCE"]);function pi(e){let n=e.split("_");return n.some(t=>Et.has(t))?n.map(t=>Et.has(t)?t:t.toLowerCase()).join(" "):vn(e)}function uo({text:e,label:n,small:t}){let[o,i]=Z("no");return X(()=>{if(o==="no")return;let s=setTimeout(()=>i("no"),1800);return()=>clearTimeout(s)},[o]),P(Q,{children:[P("button",{type:"button",class:t?"plain":"quiet",onClick:()=>void(navigator.clipboard?.writeText(e)??Promise.reject()).then(()=>i("yes"),()=>i("failed")),"aria-label":t?n:void 0,children:o==="yes"?"Copied":o==="failed"?"Copying is blocked":t?"Copy":n}),P("span",{class:"unseen",role:"status",children:o==="yes"?"Copied":o==="failed"?"The browser does not let this page copy":""})]})}function _i({value:e,what:n}){return P("span",{class:"hash",children:[P("code",{title:e,children:[e.slice(0,12),"\u2026"]}),P(uo,{text:e,label:`Copy the SHA-256 of ${n}`,small:!0})]})}function hi({label:e,what:n,question:t,disabled:o,onConfirm:i}){let[r,s]=Z(!1),[u,d]=[ee(null),ee(null)],c=ee(!1);return X(()=>{r?d.current?.focus():c.current&&u.current?.focus(),c.current=r},[r]),r?P("span",{class:"confirm",role:"group","aria-label":`${e} ${n}`,onKeyDown:f=>f.key==="Escape"&&s(!1),children:[P("span",{children:t}),P("button",{ref:d,type:"button",class:"quiet small danger",onClick:()=>{s(!1),i()},children:e}),P("button",{type:"button",class:"quiet small",onClick:()=>s(!1),children:"Keep it"})]}):P("button",{ref:u,type:"button",class:"quiet small",disabled:o,"aria-label":`${e} ${n}`,onClick:()=>s(!0),children:e})}var lo={OFFLINE:"Is it running? This page asks again every two seconds and goes on by itself.",UNAUTHENTICATED:"\u201CUse a key\u201D at the top takes another one.",FORBIDDEN:"It takes a key of a higher role: \u201CUse a key\u201D, at the top.",RATE_LIMITED:"Wait a moment, then try again.",CAPACITY:"Try again when less is running.",INTERNAL:"The gateway\u2019s log has the reason.",UNEXPECTED:"Load the page anew; if that does not help, the gateway\u2019s log may tell why."};function mi({error:e,retry:n}){let t=lo[e.code];return P("div",{class:"problem",role:"alert",children:[P("p",{children:[P("strong",{children:e.code==="OFFLINE"?"Offline":"That did not work"})," ",e.message.replace(/\.?$/,"."),t&&` ${t}`,e.code!=="OFFLINE"&&P("code",{children:e.code})]}),n&&P("button",{type:"button",class:"quiet",onClick:n,children:"Try again"})]})}function yi({what:e}){return P("div",{class:"loading",role:"status",children:[P("span",{class:"orbit","aria-hidden":"true"}),P("span",{children:[be.value?"Waiting for the gateway":`Loading ${e}`," \u2026"]})]})}function gi({title:e,children:n,isPage:t}){return P("div",{class:"empty",children:[P("svg",{viewBox:"0 0 48 48","aria-hidden":"true",children:[P("circle",{cx:"24",cy:"24",r:"20"}),P("ellipse",{cx:"24",cy:"24",rx:"8",ry:"20"}),P("path",{d:"M4 24h40"})]}),P(t?"h1":"p",{class:"empty-title",children:e}),n]})}function bi({value:e,label:n}){return P("progress",{value:e,max:1,"aria-label":n,children:[Math.round(e*100)," %"]})}var fo={COLD:"Cold",WARM:"Warm",UNLOADING:"Unloading",FAILED:"Failed",MISSING_WEIGHTS:"No weights"};function po(e){return e.state==="LOADING"?"Loading":fo[e.state]??vn(e.state)}function vi({residency:e,withTime:n}){let t=e.secondsLeft,o=e.state==="LOADING"?`Loading ${Math.round(e.fraction*100)} %${n&&typeof t=="number"&&t>=1?`, ${St(t)} left`:""}`:po(e);return P("span",{class:`badge ${e.state.toLowerCase()}`,title:e.error?.message??e.stage??"",children:[P("span",{class:"dot","aria-hidden":"true"}),o]})}function wi({title:e,note:n,children:t,id:o,isBeside:i}){return P("section",{class:`section${i?" beside":""}`,id:o,children:[P("header",{children:[P("h2",{children:e}),n&&P("p",{class:"note",children:n})]}),t]})}export{Q as a,me as b,ho as c,P as d,Z as e,X as f,ee as g,se as h,J as i,ne as j,ot as k,be as l,Io as m,rt as n,Ro as o,Yo as p,nr as q,so as r,co as s,tr as t,or as u,rr as v,ir as w,sr as x,cr as y,ur as z,dr as A,lr as B,fr as C,St as D,pr as E,_r as F,hr as G,vn as H,yr as I,gr as J,br as K,vr as L,wr as M,xr as N,Sr as O,Er as P,kr as Q,Mr as R,$r as S,Tr as T,Pr as U,Cr as V,Ar as W,Ir as X,Rr as Y,Nr as Z,Lr as _,Dr as $,Or as aa,qr as ba,Ur as ca,Fr as da,jr as ea,Br as fa,Wr as ga,Gr as ha,Hr as ia,Jr as ja,Kr as ka,Vr as la,zr as ma,Yr as na,Qr as oa,Xr as pa,Zr as qa,ei as ra,ni as sa,ti as ta,oi as ua,ri as va,di as wa,li as xa,fi as ya,pi as za,uo as Aa,_i as Ba,hi as Ca,mi as Da,yi as Ea,gi as Fa,bi as Ga,po as Ha,vi as Ia,wi as Ja};
